"""A task on Black Forest Labs, from its create to its file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.upstreams.bfl import FakeBfl
from tests.wire.serving import Souk, open_souk

MODEL = "flux-2/pro-text-to-image"
INPUT = {"aspect_ratio": "1:1", "resolution": "1K"}


@pytest.fixture
async def souk(tmp_path: Path) -> AsyncIterator[tuple[Souk, FakeBfl]]:
    with FakeBfl() as bfl:
        env = {"BFL_API_KEY": bfl.key, "SOUK_BFL_BASE_URL": bfl.url}
        models = {MODEL: {"usual_seconds": 0.2}}
        async with open_souk(tmp_path, engine=True, env=env, models=models) as opened:
            yield opened, bfl
        assert bfl.complaints == []


async def test_picture_is_made_kept_and_paid_for(souk: tuple[Souk, FakeBfl]) -> None:
    client, bfl = souk[0].client, souk[1]
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": MODEL, "input": {"prompt": "A red tram", **INPUT}})
    record = await client.record(task_id, wait=30)
    assert record["state"] == "success"
    assert bfl.count("A red tram") == 1
    assert (await client.get("/api/v1/chat/credit")).data == before - 5


async def test_moderated_picture_costs_nothing(souk: tuple[Souk, FakeBfl]) -> None:
    client = souk[0].client
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": MODEL, "input": {"prompt": "A red tram [up:moderated]", **INPUT}})
    record = await client.record(task_id, wait=30)
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (await client.get("/api/v1/chat/credit")).data == before
