"""Folding the ledger: old closed entries become one checkpoint a balance, and everything still adds up."""

from pathlib import Path

import pytest

from souk.engine.retention import FOLD_LEDGER, Fold
from souk.store import retention
from souk.words import TaskId
from tests.engine.running import Running, running


async def entries(souk: Running) -> list[tuple[str, int]]:
    rows = await souk.sql(
        "SELECT kind, count(*) FROM ledger WHERE mode = 'sandbox' GROUP BY kind ORDER BY kind"
    )
    return [(kind, count) for kind, count in rows]


async def cancelled_and_open(souk: Running) -> TaskId:
    """Three tasks that ended and one that waits."""
    for _ in range(3):
        await souk.house.operations.cancel(souk.caller, await souk.create())
    return await souk.create()


async def fold(souk: Running, before: int) -> int:
    return await souk.house.lane.write(FOLD_LEDGER, Fold(before, souk.house.clock.now()))


async def test_closed_entries_fold_and_open_holds_stay(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False) as souk:
        await cancelled_and_open(souk)
        before = await souk.balance()
        assert await fold(souk, souk.house.clock.now() + 1) == 7
        assert await entries(souk) == [("checkpoint", 1), ("hold", 1)]
        assert await souk.balance() == before
        assert await souk.problems() == []


async def test_checkpoints_fold_into_the_next_one(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False) as souk:
        for _ in range(2):
            waiting = await cancelled_and_open(souk)
            await souk.house.operations.cancel(souk.caller, waiting)
            await fold(souk, souk.house.clock.now() + 1)
        assert await entries(souk) == [("checkpoint", 1)]
        assert await souk.problems() == []


async def test_younger_entries_are_left_alone(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False) as souk:
        await cancelled_and_open(souk)
        told = await entries(souk)
        assert await fold(souk, souk.house.clock.now() - 86_400_000) == 0
        assert await entries(souk) == told


async def test_folding_goes_in_bounded_steps(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FOLD_ROWS", 4)
    async with running(tmp_path, migrated_url, engine=False) as souk:
        await cancelled_and_open(souk)
        steps = [await fold(souk, souk.house.clock.now() + 1) for _ in range(3)]
        assert 0 < steps[0] <= 4
        assert await souk.problems() == []
