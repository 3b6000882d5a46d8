"""Machines whose clocks differ by minutes: nobody is declared dead for it, the dead are, and tasks are taken up."""

import asyncio
from pathlib import Path

from tests.engine.running import ShiftedClock, running
from tests.upstreams.kie import FakeKie
from tests.upstreams.lies import FOR_EVER

LEASE_SECONDS = 2.0
LONG_LEASE_SECONDS = 10.0
"""Of nodes that must not be declared dead, however long a busy machine lets them stand still."""


def clock(seconds: float) -> ShiftedClock:
    made = ShiftedClock()
    made.shift(seconds)
    return made


async def test_a_machine_that_is_ahead_by_many_leases_declares_nobody_dead(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    url = migrated_postgres_url
    async with (
        running(tmp_path / "a", url, upstream, lease_seconds=LONG_LEASE_SECONDS) as punctual,
        running(tmp_path / "b", url, upstream, clock=clock(90), lease_seconds=LONG_LEASE_SECONDS) as ahead,
        running(tmp_path / "c", url, upstream, clock=clock(-90), lease_seconds=LONG_LEASE_SECONDS) as behind,
    ):
        tasks = [await souk.create("[up:slow=5]") for souk in (punctual, ahead, behind)]
        for _ in range(25):
            assert await punctual.sql("SELECT count(*) FROM nodes") == [(3,)]
            await asyncio.sleep(0.2)
        assert [(await punctual.ended(task)).state for task in tasks] == ["success"] * 3
        assert await punctual.sql("SELECT DISTINCT epoch FROM tasks") == [(1,)]
        assert len(upstream.submits) == 3


async def test_a_dead_nodes_tasks_are_taken_up_by_one_whose_clock_is_behind(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    url = migrated_postgres_url
    upstream.run_seconds = FOR_EVER
    async with running(tmp_path / "c", url, upstream, clock=clock(-90), lease_seconds=LEASE_SECONDS) as souk:
        task = await souk.create()
        await souk.reached(task, "generating")
        # In this order: a node that has no task is swept away, and its name frees nothing after that.
        await souk.sql("UPDATE tasks SET lease_owner = 'dead' WHERE id = :id", id=task)
        until = souk.house.clock.now()  # long past, by the clock of the database
        await souk.sql("INSERT INTO nodes VALUES ('dead', 'its slot', 0, :until)", until=until)
        async with asyncio.timeout(60):
            while (await souk.sql("SELECT epoch FROM tasks"))[0][0] < 2:  # noqa: ASYNC110 - the engine takes it
                await asyncio.sleep(0.05)
        upstream.run_seconds = 0
        assert (await souk.ended(task, seconds=60)).state == "success"
        assert await souk.sql("SELECT count(*) FROM nodes") == [(1,)]
        assert len(upstream.submits) == 1


async def test_a_task_made_where_the_clock_is_ahead_is_claimed_at_once(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    url = migrated_postgres_url
    async with (
        running(tmp_path / "a", url, upstream, clock=clock(90), engine=False) as ahead,
        running(tmp_path / "b", url, upstream),
    ):
        assert (await ahead.ended(await ahead.create(), seconds=30)).state == "success"
