"""Tasks on xAI, from their create to their files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.upstreams.xai import FakeXai
from tests.wire.serving import Souk, open_souk

PICTURE = "grok-imagine/text-to-image"
CLIP = "grok-imagine/image-to-video"


@pytest.fixture
async def souk(tmp_path: Path) -> AsyncIterator[tuple[Souk, FakeXai]]:
    with FakeXai() as xai:
        env = {"XAI_API_KEY": xai.key, "SOUK_XAI_BASE_URL": xai.url}
        models = {PICTURE: {"usual_seconds": 0.2}, CLIP: {"usual_seconds": 0.2}}
        async with open_souk(tmp_path, engine=True, env=env, models=models) as opened:
            yield opened, xai
        assert xai.complaints == []


async def test_clip_begins_with_a_picture_made_before(souk: tuple[Souk, FakeXai]) -> None:
    client, xai = souk[0].client, souk[1]
    before = (await client.get("/api/v1/chat/credit")).data
    first = await client.create({"model": PICTURE, "input": {"prompt": "A red tram", "aspect_ratio": "3:2"}})
    assert (await client.record(first, wait=30))["state"] == "success"
    assert (await client.get("/api/v1/chat/credit")).data == before - 4
    given = {"task_id": first, "index": 5, "prompt": "It rolls on"}
    second = await client.create({"model": CLIP, "input": given})
    assert (await client.record(second, wait=30))["state"] == "success"
    assert xai.submits[-1].input["image"]["url"].startswith("data:image/png;base64,")
    assert (await client.get("/api/v1/chat/credit")).data == before - 4 - 20


async def test_moderated_pictures_cost_nothing(souk: tuple[Souk, FakeXai]) -> None:
    client = souk[0].client
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": PICTURE, "input": {"prompt": "A red tram [up:moderated]"}})
    record = await client.record(task_id, wait=30)
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (await client.get("/api/v1/chat/credit")).data == before
