"""Who runs when many want to: accounts take turns, and every limit on what runs at once is kept."""

import asyncio
from pathlib import Path

import pytest

from souk.engine.slots import Slots
from tests.engine.running import Running, prompts, running, until
from tests.upstreams.kie import FakeKie


@pytest.mark.parametrize("backlog", [500])
async def test_a_backlog_of_one_account_does_not_delay_anothers_first_task(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, backlog: int
) -> None:
    connections = {"concurrency": 2}
    async with running(tmp_path, migrated_url, upstream, connections=connections) as souk:
        hoarder, other = await souk.account("hoarder"), await souk.account("other")
        await asyncio.gather(*(souk.create("[up:slow=0.1] hoarded", caller=hoarder) for _ in range(backlog)))
        await until(lambda: len(upstream.submits) >= 4)
        ahead = len(upstream.submits)
        task = await souk.create("first", caller=other)
        await souk.ended(task, other)
        assert prompts(upstream).index("first") <= ahead + 4, "it waited behind the backlog"


async def test_a_connection_runs_no_more_tasks_at_once_than_it_may(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    connections = {"concurrency": 3}
    async with running(tmp_path, migrated_url, upstream, connections=connections) as souk:
        tasks = [await souk.create("[up:slow=0.2]") for _ in range(9)]
        for task in tasks:
            await souk.ended(task)
        assert await _most_at_once(souk) == 3


async def test_an_account_runs_no_more_tasks_at_once_than_it_may(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, account_concurrency=4) as souk:
        narrow = await souk.account("narrow", concurrency=2)
        tasks = [await souk.create("[up:slow=0.2]", caller=narrow) for _ in range(6)]
        for task in tasks:
            await souk.ended(task, narrow)
        assert await _most_at_once(souk) == 2


async def test_a_running_task_keeps_its_place_on_the_connection_over_a_restart(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    connections = {"concurrency": 1}
    async with running(tmp_path, migrated_url, upstream, connections=connections) as souk:
        first = await souk.create("[up:slow=2] first")
        await souk.reached(first, "generating")
    async with running(tmp_path, migrated_url, upstream, connections=connections) as souk:
        await souk.reached(first, "generating")
        await until(lambda: upstream.polls[upstream.submits[0].task_id] > 0)
        second = await souk.create("second")
        await souk.ended(second)
        assert (await souk.record(first)).state == "success", "two ran at once where one may"


async def _most_at_once(souk: Running) -> int:
    """The most attempts that were between submit and end at one moment."""
    rows = await souk.sql("SELECT submitted_at, ended_at FROM attempts ORDER BY submitted_at")
    return max(sum(start <= at < end for start, end in rows) for at, _ in rows)


async def test_slots_go_round_the_accounts_that_wait() -> None:
    slots = Slots(1)
    await slots.acquire(0)
    order: list[int] = []

    async def use(account: int) -> None:
        await slots.acquire(account)
        order.append(account)
        slots.release()

    waiting = [asyncio.create_task(use(account)) for account in (1, 1, 1, 2, 3, 3)]
    await asyncio.sleep(0)
    slots.release()
    await asyncio.gather(*waiting)
    assert order == [1, 2, 3, 1, 3, 1]


async def test_a_slot_given_to_one_that_just_left_goes_to_the_next() -> None:
    slots = Slots(1)
    await slots.acquire(0)
    leaving, staying = (asyncio.create_task(slots.acquire(account)) for account in (1, 2))
    await asyncio.sleep(0)
    slots.release()
    leaving.cancel()  # it has the slot and does not know it yet
    await asyncio.wait_for(staying, 1)
    assert slots.used == 1
    await asyncio.gather(leaving, return_exceptions=True)
