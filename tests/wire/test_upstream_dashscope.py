"""Tasks on DashScope, from their create to their files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.upstreams.dashscope import FakeDashScope
from tests.wire.serving import Souk, open_souk

CLIP = "wan/2-6-text-to-video"
PICTURE = "z-image"


@pytest.fixture
async def souk(tmp_path: Path) -> AsyncIterator[tuple[Souk, FakeDashScope]]:
    with FakeDashScope() as dashscope:
        env = {"DASHSCOPE_API_KEY": dashscope.key, "SOUK_DASHSCOPE_BASE_URL": dashscope.base}
        models = {CLIP: {"usual_seconds": 0.2}, PICTURE: {"usual_seconds": 0.2}}
        async with open_souk(tmp_path, engine=True, env=env, models=models) as opened:
            yield opened, dashscope
        assert dashscope.complaints == []


@pytest.mark.parametrize(
    ("model", "input", "credits"),
    [
        (CLIP, {"resolution": "720p", "duration": "5"}, 70),
        (PICTURE, {"aspect_ratio": "16:9"}, 0.8),
    ],
)
async def test_result_is_made_kept_and_paid_for(
    souk: tuple[Souk, FakeDashScope], model: str, input: dict[str, str], credits: float
) -> None:
    client, dashscope = souk[0].client, souk[1]
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": model, "input": {"prompt": "A red tram", **input}})
    record = await client.record(task_id, wait=30)
    assert record["state"] == "success"
    assert dashscope.count("A red tram") == 1
    assert (await client.get("/api/v1/chat/credit")).data == pytest.approx(before - credits)


async def test_moderated_clip_costs_nothing(souk: tuple[Souk, FakeDashScope]) -> None:
    client = souk[0].client
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": CLIP, "input": {"prompt": "A red tram [up:moderated]"}})
    record = await client.record(task_id, wait=30)
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (await client.get("/api/v1/chat/credit")).data == before
