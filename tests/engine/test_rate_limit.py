"""Upstreams that take only so many tasks at a time: a burst waits, and does not hammer, fail or starve anyone."""

import asyncio
import time
from pathlib import Path

from aiohttp import web

from souk.engine.gate import Gate
from tests.clock import HandClock
from tests.engine.running import prompts, running, until
from tests.upstreams.kie import MESSAGES, FakeKie, envelope

A_SECOND = 15


class LimitedKie(FakeKie):
    """Takes :data:`A_SECOND` creates in each second."""

    window = 0.0
    asked = 0
    refused = 0

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if time.monotonic() - self.window >= 1:
            self.window, self.asked = time.monotonic(), 0
        self.asked += 1
        if self.asked > A_SECOND:
            self.refused += 1
            return envelope(429, MESSAGES[429], headers={"Retry-After": "1"})
        return await super()._create(request)


async def test_a_burst_over_the_limit_of_an_upstream_succeeds_to_the_last_task(
    tmp_path: Path, migrated_url: str
) -> None:
    with LimitedKie() as upstream:
        async with running(tmp_path, migrated_url, upstream) as souk:
            tasks = [await souk.create(f"<{number}>") for number in range(75)]
            ends = [await souk.ended(task, seconds=60) for task in tasks]
            assert {record.state for record in ends} == {"success"}
            assert sorted(prompts(upstream)) == sorted(f"<{number}>" for number in range(75))
            assert upstream.refused < 75, "it was asked over and over instead of being waited for"


async def test_a_task_goes_round_a_connection_that_is_asked_too_often(
    tmp_path: Path, migrated_url: str, second_upstream: FakeKie
) -> None:
    with LimitedKie() as upstream:
        upstream.window, upstream.asked = time.monotonic() + 3600, A_SECOND  # full for an hour
        async with running(tmp_path, migrated_url, upstream, second_upstream) as souk:
            for number in range(20):
                assert (await souk.ended(await souk.create(f"<{number}>"))).connection == "two"
            assert upstream.refused < 10


async def test_an_account_with_a_burst_leaves_anothers_task_its_turn(
    tmp_path: Path, migrated_url: str
) -> None:
    with LimitedKie() as upstream:
        async with running(tmp_path, migrated_url, upstream) as souk:
            hoarder, other = await souk.account("hoarder"), await souk.account("other")
            await asyncio.gather(*(souk.create("hoarded", caller=hoarder) for _ in range(90)))
            await until(lambda: upstream.refused > 0 and len(upstream.submits) > 2 * A_SECOND)
            before = len(upstream.submits)
            task = await souk.create("first", caller=other)
            await souk.ended(task, other, seconds=30)
            assert prompts(upstream).index("first") - before < 2 * A_SECOND, "it waited for all the others"


async def test_the_gate_narrows_when_asked_too_often_and_widens_with_what_is_taken() -> None:
    clock = HandClock()
    gate = Gate(clock)
    for _ in range(8):
        await gate.enter(1)
    gate.too_often(5)
    gate.too_often(5)  # was on its way when the gate shut
    assert gate.shut_for == 5
    for _ in range(8):
        gate.leave()
    clock.advance(5)
    entering = [asyncio.create_task(gate.enter(1)) for _ in range(6)]
    await asyncio.sleep(0.01)
    assert [task.done() for task in entering] == [True] * 4 + [False] * 2
    for _ in range(4):
        gate.taken()
    await asyncio.sleep(0.01)
    assert sum(task.done() for task in entering) == 5
    for task in entering:
        task.cancel()
    await asyncio.gather(*entering, return_exceptions=True)


async def test_a_gate_shut_again_and_again_without_a_time_named_stays_shut_longer() -> None:
    clock = HandClock()
    gate = Gate(clock)
    waits: list[float] = []
    for _ in range(8):
        gate.too_often(None)
        waits.append(gate.shut_for)
        clock.advance(gate.shut_for)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    gate.taken()
    gate.too_often(None)
    assert gate.shut_for == 1


async def test_whoever_gives_up_at_a_shut_gate_makes_room_for_the_next() -> None:
    clock = HandClock()
    gate = Gate(clock)
    gate.too_often(5)
    first, second = (asyncio.create_task(gate.enter(account)) for account in (1, 2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    clock.advance(5)
    await asyncio.wait_for(second, 1)
