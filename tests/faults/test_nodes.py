"""Processes that come, go, stall and share a database: who takes up whose tasks, and when."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from souk.store.database import Database
from souk.store.statement import Statement
from tests.faults.kill import Siege, siege
from tests.faults.process import ServerProcess
from tests.postgres import free_port
from tests.upstreams.journal import count, read_submits


def rows(url: str, text: str) -> list[tuple[Any, ...]]:
    connection = Database(url).connect(read_only=True)
    try:
        return connection.run(Statement(text))
    finally:
        connection.close()


async def until_row(url: str, text: str, seconds: float = 20) -> tuple[Any, ...]:
    """The first row of a statement, once it has one."""
    async with asyncio.timeout(seconds):
        while not (found := await asyncio.to_thread(rows, url, text)):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
        return found[0]


@asynccontextmanager
async def neighbour(town: Siege) -> AsyncIterator[ServerProcess]:
    """A second server on the same database, started."""
    other = replace(town.server, port=free_port(), process=None)
    await other.start()
    try:
        yield other
    finally:
        await other.kill()


async def test_a_stopped_server_hands_its_tasks_back_and_the_next_carries_on(
    tmp_path: Path, database_url: str
) -> None:
    settings = {"SOUK_DRAIN_SECONDS": "0.2"}
    async with siege(tmp_path, database_url, settings=settings) as town:
        await town.start()
        made = await town.load.create("[up:slow=4]")
        await until_row(database_url, "SELECT 1 FROM tasks WHERE state = 'generating'")
        started = time.monotonic()
        assert await town.server.stop() == 0
        assert time.monotonic() - started < 5
        assert rows(database_url, "SELECT state, lease_owner FROM tasks") == [("generating", None)]
        assert rows(database_url, "SELECT count(*) FROM nodes") == [(0,)]
        await town.start()
        assert await town.broken_promises() == []
        assert count(read_submits(town.journal), made.marker) == 1


async def test_a_stopping_server_lets_short_work_end(tmp_path: Path, database_url: str) -> None:
    async with siege(tmp_path, database_url, settings={"SOUK_DRAIN_SECONDS": "10"}) as town:
        await town.start()
        await town.load.create("[up:slow=1]")
        await until_row(database_url, "SELECT 1 FROM tasks WHERE state = 'generating'")
        assert await town.server.stop() == 0
        assert rows(database_url, "SELECT state FROM tasks") == [("success",)]


async def test_a_server_asked_to_stop_while_it_submits_stores_the_answer_first(
    tmp_path: Path, database_url: str
) -> None:
    async with siege(tmp_path, database_url, settings={"SOUK_DRAIN_SECONDS": "0"}) as town:
        await town.start()
        await town.load.create("[up:slow-create=1.5]")
        await until_row(database_url, "SELECT 1 FROM tasks WHERE state = 'submitting'")
        assert await town.server.stop() == 0
        state, ref = rows(database_url, "SELECT state, ref FROM tasks")[0]
        assert state == "generating"
        assert ref == read_submits(town.journal)[0].task_id


async def test_a_server_started_again_takes_up_its_own_tasks_at_once(
    tmp_path: Path, database_url: str
) -> None:
    settings = {"SOUK_LEASE_SECONDS": "600"}  # whoever waited for leases to run out would wait ten minutes
    async with siege(tmp_path, database_url, settings=settings) as town:
        await town.start()
        await town.load.create("[up:slow=1]")
        await until_row(database_url, "SELECT 1 FROM tasks WHERE state = 'generating'")
        await town.server.kill()
        await town.start()
        await town.settle(15)
        assert await town.broken_promises() == []


async def test_a_killed_servers_tasks_are_taken_up_by_its_neighbour_when_its_lease_is_over(
    tmp_path: Path, postgres_url: str
) -> None:
    async with siege(tmp_path, postgres_url, settings={"SOUK_LEASE_SECONDS": "2"}) as town:
        await town.start()
        made = await town.load.create("[up:slow=9]")
        await until_row(postgres_url, "SELECT 1 FROM tasks WHERE state = 'generating'")
        async with neighbour(town) as other:
            assert len(await asyncio.to_thread(rows, postgres_url, "SELECT id FROM nodes")) == 2
            await town.server.kill()
            await town.settle(30)
            assert count(read_submits(town.journal), made.marker) == 1
            assert await other.stop() == 0
        assert rows(postgres_url, "SELECT state, epoch FROM tasks") == [("success", 2)]


async def test_a_server_that_slept_past_its_lease_does_not_submit_what_it_had_marked(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = {"SOUK_LEASE_SECONDS": "2", "SOUK_REVIEW_SECONDS": "0.5"}
    async with siege(tmp_path, postgres_url, settings=settings) as town:
        await town.start("after-mark:1:stop")
        made = await town.load.create("")
        await until_row(postgres_url, "SELECT 1 FROM tasks WHERE state = 'submitting'")
        async with neighbour(town) as other:
            # The neighbour finds it between mark and answer, cannot know, and never submits it.
            await until_row(postgres_url, "SELECT 1 FROM tasks WHERE fail_kind = 'unclear'")
            town.server.send(signal.SIGCONT)
            await asyncio.sleep(1.5)
            assert count(read_submits(town.journal), made.marker) == 0
            await until_row(postgres_url, "SELECT count(*) FROM nodes HAVING count(*) = 2")
            # It has noticed, started over, and works again.
            await other.stop()
            await town.load.create("")
            await until_row(postgres_url, "SELECT 1 FROM tasks WHERE state = 'success'")
        assert await town.broken_promises() == []


async def test_a_server_that_slept_while_it_polled_changes_nothing_when_it_wakes(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = {"SOUK_LEASE_SECONDS": "2", "STALLED_SECONDS": "4"}
    async with siege(tmp_path, postgres_url, settings=settings) as town:
        await town.start("before-success:1:stop")
        made = await town.load.create("")
        async with neighbour(town) as other:
            await until_row(postgres_url, "SELECT 1 FROM tasks WHERE state = 'success'", seconds=60)
            left = rows(postgres_url, "SELECT state, epoch, result, captured, completed_at FROM tasks")
            town.server.send(signal.SIGCONT)
            await asyncio.sleep(1)
            assert (
                rows(postgres_url, "SELECT state, epoch, result, captured, completed_at FROM tasks") == left
            )
            assert count(read_submits(town.journal), made.marker) == 1
            assert await other.stop() == 0
        assert await town.broken_promises() == []
