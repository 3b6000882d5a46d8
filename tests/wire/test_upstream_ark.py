"""Tasks on Ark, from their create to their files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.upstreams.ark import FakeArk
from tests.wire.serving import Souk, open_souk

PICTURE = "seedream/4.5-text-to-image"
SIZE = {"aspect_ratio": "1:1", "quality": "basic"}
CLIP = "bytedance/seedance-2-fast"
LENGTH = {"duration": 4, "resolution": "480p", "return_last_frame": True}


@pytest.fixture
async def souk(tmp_path: Path) -> AsyncIterator[tuple[Souk, FakeArk]]:
    with FakeArk() as ark:
        env = {"ARK_API_KEY": ark.key, "SOUK_ARK_BASE_URL": f"{ark.url}/api/v3"}
        models = {PICTURE: {"usual_seconds": 0.2}, CLIP: {"usual_seconds": 0.2}}
        async with open_souk(tmp_path, engine=True, env=env, models=models) as opened:
            yield opened, ark
        assert ark.complaints == []


async def test_picture_is_made_kept_and_paid_for(souk: tuple[Souk, FakeArk]) -> None:
    client, ark = souk[0].client, souk[1]
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": PICTURE, "input": {"prompt": "A red tram", **SIZE}})
    record = await client.record(task_id, wait=30)
    assert record["state"] == "success"
    assert ark.count("A red tram") == 1
    assert (await client.get("/api/v1/chat/credit")).data == before - 6.5


async def test_clip_comes_with_its_last_frame(souk: tuple[Souk, FakeArk]) -> None:
    client = souk[0].client
    task_id = await client.create({"model": CLIP, "input": {"prompt": "A paper boat", **LENGTH}})
    record = await client.record(task_id, wait=30)
    assert record["state"] == "success"
    assert ".mp4" in record["resultJson"]
    assert ".png" in record["resultJson"]


async def test_moderated_clip_costs_nothing(souk: tuple[Souk, FakeArk]) -> None:
    client = souk[0].client
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create(
        {"model": CLIP, "input": {"prompt": "A paper boat [up:moderated]", **LENGTH}}
    )
    record = await client.record(task_id, wait=30)
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (await client.get("/api/v1/chat/credit")).data == before
