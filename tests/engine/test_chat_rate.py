"""The limit of chat requests holds over all processes, and costs the database next to nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from souk.operations.types import Caller, Reason, Refusal
from souk.relay.rate import WINDOW_MS, Rate
from souk.store.database import Database
from souk.store.lane import Lane
from souk.words import AccountId, KeyId, Mode, Scope
from tests.clock import HandClock


def caller(account: int = 1) -> Caller:
    return Caller(
        account_id=AccountId(account),
        key_id=KeyId(1),
        mode=Mode.LIVE,
        scope=Scope.USER,
        name="a/b",
        segment="s",
    )


@asynccontextmanager
async def processes(
    url: str, clock: HandClock, most: int, count: int
) -> AsyncIterator[list[tuple[Rate, Lane]]]:
    lanes = [Lane(Database(url), f"lane {number}") for number in range(count)]
    for lane in lanes:
        lane.start()
    try:
        yield [(Rate(clock, most, lane), lane) for lane in lanes]
    finally:
        for lane in lanes:
            lane.close()


async def asked(rate: Rate, times: int, account: int = 1) -> Counter[str]:
    """What came of so many requests at once."""
    answers = await asyncio.gather(
        *(rate.count(caller(account)) for _ in range(times)), return_exceptions=True
    )
    found: Counter[str] = Counter()
    for answer in answers:
        if answer is not None:
            assert isinstance(answer, Refusal), answer
            assert answer.reason is Reason.RATE_LIMITED
            assert answer.retry_after is not None
            assert 0 < answer.retry_after <= WINDOW_MS / 1000
        found["in" if answer is None else "out"] += 1
    return found


@pytest.mark.parametrize("most", [1, 7, 100])
async def test_all_processes_together_let_in_as_many_as_the_limit_says(
    most: int, migrated_postgres_url: str
) -> None:
    clock = HandClock()
    async with processes(migrated_postgres_url, clock, most, 3) as three:
        for _ in range(2):
            found: Counter[str] = Counter()
            for _ in range(20):
                rounds = await asyncio.gather(*(asked(rate, 4) for rate, _ in three))
                for each in rounds:
                    found += each
                clock.advance(0.1)
            assert found == {"in": most, "out": 240 - most}
            assert await asked(three[0][0], 1, account=2) == {"in": 1}
            clock.advance(WINDOW_MS / 1000)


async def test_one_process_may_use_nearly_all_of_it_while_others_rest(migrated_postgres_url: str) -> None:
    clock = HandClock()
    async with processes(migrated_postgres_url, clock, 100, 2) as (one, two):
        for _ in range(5):
            assert await asked(two[0], 1) == {"in": 1}
        found = await asked(one[0], 200)
        assert found["in"] >= 85


async def test_a_steady_stream_asks_the_database_about_once_a_second(migrated_postgres_url: str) -> None:
    clock = HandClock()
    async with processes(migrated_postgres_url, clock, 100_000, 1) as ((rate, lane),):
        for _ in range(100 * 30):
            await rate.count(caller())
            clock.advance(0.01)
        assert lane.stats.operations <= 60


async def test_a_process_that_is_alone_counts_by_itself() -> None:
    clock = HandClock()
    rate = Rate(clock, 3, None)
    assert await asked(rate, 5) == {"in": 3, "out": 2}
    clock.advance(WINDOW_MS / 1000 - 0.1)
    assert await asked(rate, 1) == {"out": 1}
    clock.advance(0.1)
    assert await asked(rate, 5) == {"in": 3, "out": 2}


async def test_machines_whose_clocks_differ_share_a_window(migrated_postgres_url: str) -> None:
    late, early = HandClock(), HandClock()
    early.advance(4)
    async with processes(migrated_postgres_url, late, 10, 1) as ((one, lane),):
        two = Rate(early, 10, lane)
        found = Counter[str]()
        for rate in (one, two, one, two):
            found += await asked(rate, 10)
        assert found == {"in": 10, "out": 30}


async def test_no_limit_counts_nothing() -> None:
    assert await asked(Rate(HandClock(), 0, None), 1000) == {"in": 1000}
