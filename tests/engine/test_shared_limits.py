"""Limits of a connection that hold over all processes: tasks in flight, rates, and credits a day."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from souk.engine.pace import Throttle, Turns
from souk.operations.types import Reason, Refusal
from souk.store.connections import DAY_MS
from souk.words import CREDIT
from tests.clock import HandClock
from tests.engine.running import Running, ShiftedClock, running, until
from tests.upstreams.kie import FakeKie


@asynccontextmanager
async def two(
    folder: Path, url: str, upstream: FakeKie, **given: Any
) -> AsyncIterator[tuple[Running, Running]]:
    """Two processes on one database."""
    async with (
        running(folder / "one", url, upstream, **given) as one,
        running(folder / "other", url, upstream, **given) as other,
    ):
        yield one, other


async def test_two_processes_together_keep_to_the_limit_of_a_connection(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    async with AsyncExitStack() as stack:
        houses = [
            await stack.enter_async_context(
                running(
                    tmp_path / name,
                    migrated_postgres_url,
                    upstream,
                    connections={"concurrency": 3},
                    engine_slots=8,
                )
            )
            for name in ("a", "b")
        ]
        souk = houses[0]
        tasks = [await souk.create(f"<{number}>[up:slow=0.4]") for number in range(12)]
        most = 0
        async with asyncio.timeout(30):
            while len(upstream.submits) < len(tasks):
                most = max(most, await _in_flight(souk))
                await asyncio.sleep(0.02)
        assert most == 3
        assert {(await souk.ended(task)).state for task in tasks} == {"success"}
        owners = await souk.sql("SELECT count(DISTINCT split_part(id, '#', 1)) FROM nodes")
        assert owners == [(2,)]


async def test_two_processes_together_run_as_many_tasks_of_an_account_as_it_may_have(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    async with two(tmp_path, migrated_postgres_url, upstream, account_concurrency=3) as (one, other):
        made = [await souk.create(f"<{number}>[up:slow=0.3]") for number in range(5) for souk in (one, other)]
        most = 0
        async with asyncio.timeout(30):
            while (await one.sql("SELECT count(*) FROM tasks WHERE completed_at IS NULL"))[0][0]:
                held = await one.sql("SELECT count(*) FROM tasks WHERE lease_owner IS NOT NULL")
                most = max(most, held[0][0])
                await asyncio.sleep(0.02)
        assert most == 3
        assert {(await one.ended(task)).state for task in made} == {"success"}


async def test_an_end_elsewhere_makes_room_at_once_for_what_an_account_has_waiting(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    async with two(tmp_path, migrated_postgres_url, upstream, account_concurrency=1) as (one, other):
        for souk in (one, other):
            never_look_by_yourself(souk)
        await asyncio.sleep(1.1)  # each has begun its last look by itself
        running_there = await one.create("first[up:slow=2]")
        await one.reached(running_there, "generating")
        engine = one.house.engine
        assert engine is not None
        engine.wake()  # it looks, and finds that nothing waits for the end of its task
        await until(lambda: not engine._full)
        waiting = await other.create("second")
        async with asyncio.timeout(30):
            assert (await other.ended(waiting)).state == "success"


def never_look_by_yourself(souk: Running) -> None:
    """The engine looks for work only when something rings."""
    assert souk.house.engine is not None
    object.__setattr__(souk.house.engine._world.limits, "claim_seconds", 3600.0)


async def test_two_processes_together_take_as_many_creates_as_the_rate_says(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    async with two(tmp_path, migrated_postgres_url, upstream, engine=False, rate_creates=8) as houses:
        answers = await asyncio.gather(
            *(souk.create() for _ in range(10) for souk in houses), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, Refusal)]
        assert {refusal.reason for refusal in refused} == {Reason.RATE_LIMITED}
        assert len(answers) - len(refused) == 8


async def test_what_one_process_spends_shuts_a_connection_for_the_other(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    capped = {"daily_cap": 1}
    async with two(tmp_path, migrated_postgres_url, upstream, connections=capped) as (one, other):
        while await _spent(one) < CREDIT:
            await one.ended(await one.create())
        await asyncio.sleep(1.1)  # what is known of a connection is a second old at most
        sent = len(upstream.submits)
        late = [await souk.create() for souk in (one, other)]
        for task in late:
            await one.reached(task, "queuing")
        await asyncio.sleep(0.5)
        assert len(upstream.submits) == sent


def test_rates_are_those_of_all_processes_together() -> None:
    clock = HandClock()
    throttle = Throttle(clock, 2.0)
    throttle.share(3)
    assert throttle.turn() == 0
    clock.advance(1.4)
    assert throttle.turn() == pytest.approx(0.1)
    assert throttle.turn() == pytest.approx(1.6)


def test_polls_that_were_put_off_come_nearer_when_the_rate_is_raised() -> None:
    clock = HandClock()
    throttle = Throttle(clock, 0.1)
    assert [throttle.turn() for _ in range(3)] == [0, 10, 20]
    throttle.resize(10)
    assert throttle.turn() == pytest.approx(0.3)
    throttle.resize(0)
    assert throttle.turn() == 0
    throttle.resize(2)
    assert [throttle.turn() for _ in range(2)] == [0, 0.5]


async def test_submits_are_spaced_and_accounts_take_turns() -> None:
    clock = HandClock()
    turns = Turns(clock, 60.0)
    order: list[str] = []

    async def submit(account: int, name: str) -> None:
        await turns.turn(account)
        order.append(name)

    waiting = [asyncio.create_task(submit(1, f"hoarder {number}")) for number in range(3)]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(submit(2, "other")))
    await asyncio.sleep(0.01)
    assert order == ["hoarder 0"]
    waiting[1].cancel()
    for _ in range(2):
        clock.advance(1)
        await asyncio.sleep(0.01)
    assert sorted(order) == ["hoarder 0", "hoarder 2", "other"], "who gave up used up a turn"
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_connection_at_its_daily_cap_takes_no_tasks_until_the_day_turns(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    clock = ShiftedClock()
    capped = {"daily_cap": 1}
    patient = {"deadline_seconds": 3 * DAY_MS / 1000}
    async with running(
        tmp_path, migrated_url, upstream, clock=clock, connections=capped, models=patient
    ) as souk:
        await souk.sql(
            "INSERT INTO connections (name, spent_day, spent) VALUES ('one', :day, :spent)",
            day=clock.now() // DAY_MS,
            spent=CREDIT - 1,
        )
        assert (await souk.ended(await souk.create("the last of the day"))).state == "success"
        assert await _spent(souk) > CREDIT
        await asyncio.sleep(1.1)  # what is known of a connection is a second old at most
        task = await souk.create("too late")
        await asyncio.sleep(0.5)
        assert (await souk.record(task)).inner_state == "queuing"
        assert len(upstream.submits) == 1
        clock.shift(DAY_MS / 1000)
        await until(lambda: len(upstream.submits) == 2)
        assert await souk.problems() == []


async def test_a_connection_at_its_daily_cap_is_gone_round(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, second_upstream: FakeKie
) -> None:
    async with running(
        tmp_path, migrated_url, upstream, second_upstream, connections={"daily_cap": 1}
    ) as souk:
        await souk.sql(
            "INSERT INTO connections (name, spent_day, spent) VALUES ('one', :day, :spent)",
            day=souk.house.clock.now() // DAY_MS,
            spent=CREDIT,
        )
        task = await souk.create("a tram")
        assert (await souk.ended(task)).connection == "two"
        assert await souk.verdicts(task) == [("two", "done")]


async def test_what_tasks_cost_is_added_to_their_connections_day(souk: Running) -> None:
    for number in range(3):
        await souk.ended(await souk.create(f"<{number}>"))
    story = await souk.sql(
        "SELECT sum(COALESCE(a.cost, t.captured)) FROM attempts a JOIN tasks t ON t.id = a.task_id"
    )
    assert await _spent(souk) == story[0][0] > 0


async def _spent(souk: Running) -> int:
    rows = await souk.sql("SELECT spent FROM connections WHERE name = 'one'")
    return rows[0][0] if rows else 0


async def _in_flight(souk: Running) -> int:
    rows = await souk.sql(
        "SELECT count(*) FROM tasks WHERE state IN ('submitting', 'review', 'generating') AND connection = 'one'"
    )
    return int(rows[0][0])
