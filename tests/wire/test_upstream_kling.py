"""A task on Kling, from its create to its file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from souk.logs import redact
from tests.engine.running import ShiftedClock, until
from tests.upstreams.kling import SECRET, FakeKling
from tests.wire.serving import Souk, open_souk

MODEL = "kling/v2-5-turbo-text-to-video-pro"
HOUR = 3600


@pytest.fixture
def clock() -> ShiftedClock:
    """The time as Souk sees it."""
    return ShiftedClock()


@pytest.fixture
async def souk(tmp_path: Path, clock: ShiftedClock) -> AsyncIterator[tuple[Souk, FakeKling]]:
    with FakeKling() as kling:
        env = {
            "KLING_ACCESS_KEY": kling.key,
            "KLING_SECRET_KEY": SECRET,
            "SOUK_KLING_BASE_URL": kling.url,
        }
        models = {MODEL: {"usual_seconds": 0.2, "deadline_seconds": 3 * HOUR}}
        given = {"env": env, "models": models, "clock": clock, "lease_seconds": 2 * HOUR}
        async with open_souk(tmp_path, engine=True, **given) as opened:
            yield opened, kling
        assert kling.complaints == []


async def test_clip_is_made_kept_and_paid_for(souk: tuple[Souk, FakeKling]) -> None:
    client, kling = souk[0].client, souk[1]
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": MODEL, "input": {"prompt": "A red tram"}})
    record = await client.record(task_id, wait=30)
    assert record["state"] == "success"
    assert ".mp4" in record["resultJson"]
    assert kling.count("A red tram") == 1
    assert (await client.get("/api/v1/chat/credit")).data == before - 42


async def test_clip_whose_acceptance_was_lost_is_found_and_made_once(souk: tuple[Souk, FakeKling]) -> None:
    client, kling = souk[0].client, souk[1]
    task_id = await client.create({"model": MODEL, "input": {"prompt": "A tram [up:drop-after-accept]"}})
    assert (await client.record(task_id, wait=30))["state"] == "success"
    assert kling.count("A tram") == 1


async def test_refused_clip_costs_nothing(souk: tuple[Souk, FakeKling]) -> None:
    client = souk[0].client
    before = (await client.get("/api/v1/chat/credit")).data
    task_id = await client.create({"model": MODEL, "input": {"prompt": "A tram [up:moderated]"}})
    record = await client.record(task_id, wait=30)
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (await client.get("/api/v1/chat/credit")).data == before


async def test_clip_may_take_longer_than_a_token_is_good(
    souk: tuple[Souk, FakeKling], clock: ShiftedClock
) -> None:
    client, kling = souk[0].client, souk[1]
    task_id = await client.create({"model": MODEL, "input": {"prompt": "A tram [up:slow=1.5]"}})
    await until(lambda: kling.polls)
    clock.shift(HOUR)
    kling.ahead = HOUR
    assert (await client.record(task_id, wait=30))["state"] == "success"


@pytest.mark.usefixtures("souk")
async def test_secret_key_is_never_logged() -> None:
    assert SECRET not in redact(f"signed with {SECRET} today")
