"""Folding the ledger: old closed entries become one checkpoint a balance, and everything still adds up."""

import asyncio
from pathlib import Path

from souk.engine.retention import FOLD_LEDGER, Fold
from souk.store import retention
from souk.store.database import Database
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


async def fold(souk: Running, before: int, most: int = 1000) -> int:
    """A whole round; how many entries went."""
    now = souk.house.clock.now()
    folding = await souk.house.reads.run(lambda connection: retention.folding(connection, before, now))
    folded, after = 0, 0
    while after is not None:
        gone, after = await souk.house.lane.write(FOLD_LEDGER, Fold(folding, after, most))
        folded += gone
    return folded


async def test_closed_entries_fold_and_open_holds_stay(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False) as souk:
        await cancelled_and_open(souk)
        before = await souk.balance()
        assert await fold(souk, souk.house.clock.now() + 1) == 8
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


async def test_a_round_in_many_steps_leaves_one_checkpoint(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False) as souk:
        before = await souk.balance()
        await cancelled_and_open(souk)
        assert await fold(souk, souk.house.clock.now() + 1, most=2) == 8
        assert await entries(souk) == [("checkpoint", 1), ("hold", 1)]
        assert await souk.problems() == []
        assert await souk.balance() < before


async def test_a_hold_is_folded_with_what_closed_it_long_after(tmp_path: Path, migrated_url: str) -> None:
    async with running(tmp_path, migrated_url, engine=False) as souk:
        first, *others = [await souk.create() for _ in range(9)]
        for task in (*others, first):
            await souk.house.operations.cancel(souk.caller, task)
        await fold(souk, souk.house.clock.now() + 1, most=2)
        assert await entries(souk) == [("checkpoint", 1)]
        assert await souk.problems() == []


async def test_entries_folded_by_two_processes_at_once_count_once(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with running(tmp_path, migrated_postgres_url, engine=False) as souk:
        await cancelled_and_open(souk)
        now = souk.house.clock.now() + 1
        other = Database(migrated_postgres_url).connect()
        other.begin()
        folding = retention.folding(other, now, now)
        assert retention.fold_ledger(other, folding, 0, 1000)[0] == 8
        same = asyncio.create_task(souk.house.lane.write(FOLD_LEDGER, Fold(folding, 0, 1000)))
        await until_somebody_waits(souk)
        other.commit()
        other.close()
        assert (await same)[0] == 0
        assert await entries(souk) == [("checkpoint", 1), ("hold", 1)]
        assert await souk.problems() == []


async def until_somebody_waits(souk: Running) -> None:
    """For a row that another transaction has."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while await souk.sql(waiting) == [(0,)]:  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)
