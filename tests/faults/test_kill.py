"""Servers that are killed: at random moments under load, and at every point where a promise hangs on one write."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.faults.kill import besiege, siege

LIES = ("", "", "[up:slow=0.3]", "[up:drop-after-accept]", "[up:fail=422]", "[up:file-404-once]", "")
"""One task each; between them they pass every point."""

POINTS = [
    "after-create",
    "after-claim",
    "before-mark",
    "after-mark",
    "after-submit:2",
    "before-accepted",
    "after-accepted",
    "after-storing",
    "before-success",
    "after-success",
    "after-callback:2",
    "before-callback-tried",
]


async def test_a_server_killed_over_and_over_under_load_keeps_every_promise(
    tmp_path: Path, database_url: str
) -> None:
    outcome = await besiege(tmp_path, database_url, kills=6, seed=2026, pause=0.3, longest_life=1.2)
    assert outcome.broken == []
    assert outcome.tasks > 12
    assert outcome.repeated > 0, "no create met a dead server: the load was too light to prove anything"


@pytest.mark.parametrize("point", POINTS)
async def test_a_server_killed_at_this_point_keeps_every_promise(
    tmp_path: Path, database_url: str, point: str
) -> None:
    async with siege(tmp_path, database_url, settings={"SOUK_REVIEW_SECONDS": "0.5"}) as town:
        await town.start(point)
        creating = asyncio.create_task(town.load.create_all(LIES))
        assert await town.server.ended() == -signal.SIGKILL
        await town.start()
        await creating
        assert await town.broken_promises() == []
