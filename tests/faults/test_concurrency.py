"""A thousand callers at once: credits are never spent twice, and one key makes one task."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from souk.operations.types import Caller, Created, Draft, Reason, Refusal
from souk.words import Mode, credits_from_number
from tests.engine.running import MODEL, Running, running
from tests.upstreams.kie import FakeKie

AFFORDED = 100


async def poor(souk: Running, tasks: int = AFFORDED) -> Caller:
    """A caller with credits for exactly so many tasks."""
    estimate = await souk.house.operations.estimate(souk.caller, draft())
    return await souk.account("poor", credits=estimate.hold * tasks)


def draft(prompt: str = "a tram", **more: Any) -> Draft:
    return Draft(MODEL, {"prompt": prompt, "aspect_ratio": "1:1"}, "jobs", **more)


async def outcomes(souk: Running, caller: Caller, count: int, **more: Any) -> Counter[str]:
    """What came of so many creates at once: ``created`` or the reason of the refusal."""
    answers = await asyncio.gather(
        *(souk.house.operations.create(caller, draft(**more)) for _ in range(count)), return_exceptions=True
    )
    return Counter(_outcome(answer) for answer in answers)


def _outcome(answer: Created | BaseException) -> str:
    if isinstance(answer, Refusal):
        return answer.reason.value
    assert isinstance(answer, Created), answer
    return "created"


async def unfinished(souk: Running) -> int:
    return (await souk.sql("SELECT count(*) FROM tasks WHERE completed_at IS NULL"))[0][0]


async def succeeded(souk: Running) -> int:
    return (await souk.sql("SELECT count(*) FROM tasks WHERE state = 'success'"))[0][0]


async def all_ended(souk: Running, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while await unfinished(souk):  # noqa: ASYNC110 - engines of other houses end them too
            await asyncio.sleep(0.05)


async def test_a_thousand_creates_on_credits_for_a_hundred_make_a_hundred(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        caller = await poor(souk)
        assert await outcomes(souk, caller, 1000) == {
            "created": AFFORDED,
            Reason.INSUFFICIENT_CREDITS.value: 1000 - AFFORDED,
        }
        assert await souk.house.operations.balance(caller) == 0
        assert await souk.sql("SELECT count(*) FROM tasks") == [(AFFORDED,)]
        assert await souk.problems() == []


async def test_creates_that_race_with_ending_tasks_still_spend_each_credit_once(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    """Refused tasks give their holds back while others are created with them."""
    async with running(tmp_path, migrated_url, upstream) as souk:
        caller = await poor(souk, 10)
        made = Counter[str]()
        while await succeeded(souk) < 10:
            found = await asyncio.gather(
                outcomes(souk, caller, 2), outcomes(souk, caller, 18, prompt="[up:refuse=422]")
            )
            made += found[0] + found[1]
            await asyncio.sleep(0.05)
        await all_ended(souk)
        assert made["created"] > 10, "no credit came back"
        assert await succeeded(souk) == 10
        assert await souk.house.operations.balance(caller) == 0
        assert await souk.problems() == []


async def test_a_hundred_equal_creates_with_one_key_make_one_task(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        creating = (
            souk.house.operations.create(souk.caller, draft(idempotency_key="one")) for _ in range(100)
        )
        answers = await asyncio.gather(*creating)
        assert len({answer.task_id for answer in answers}) == 1
        assert sum(not answer.replayed for answer in answers) == 1
        assert await souk.sql("SELECT count(*) FROM tasks") == [(1,)]
        assert await souk.sql("SELECT count(*) FROM ledger WHERE kind = 'hold'") == [(1,)]
        assert await souk.problems() == []


async def test_a_key_used_with_another_body_is_refused_whoever_comes_first(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        drafts = [
            Draft(MODEL, {"prompt": f"tram {number % 2}", "aspect_ratio": "1:1"}, "jobs", idempotency_key="k")
            for number in range(40)
        ]
        answers = await asyncio.gather(
            *(souk.house.operations.create(souk.caller, each) for each in drafts), return_exceptions=True
        )
        found = Counter(_outcome(answer) for answer in answers)
        assert found == {"created": 20, Reason.IDEMPOTENCY_CONFLICT.value: 20}
        assert await souk.sql("SELECT count(*) FROM tasks") == [(1,)]


async def test_a_refused_create_does_not_bind_its_key(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        caller = await souk.account("broke", credits=0)
        assert await outcomes(souk, caller, 5, idempotency_key="k") == {Reason.INSUFFICIENT_CREDITS.value: 5}
        await souk.house.admin("test").credits.grant("broke", Mode.LIVE, credits_from_number(100), "")
        assert await outcomes(souk, caller, 5, idempotency_key="k") == {"created": 5}
        assert await souk.sql("SELECT count(*) FROM tasks") == [(1,)]


async def test_a_keys_cap_holds_against_creates_at_once(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        caller = await souk.account("capped")
        hold = (await souk.house.operations.estimate(souk.caller, draft())).hold
        await souk.sql("UPDATE keys SET cap_total = :cap WHERE id = :id", cap=hold * 7, id=caller.key_id)
        assert await outcomes(souk, caller, 50) == {"created": 7, Reason.KEY_CAP.value: 43}


async def test_no_more_tasks_wait_than_an_account_may_have(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        caller = await souk.account("busy", max_waiting=3)
        assert await outcomes(souk, caller, 20) == {"created": 3, Reason.QUEUE_FULL.value: 17}
        task = (await souk.house.operations.list(caller)).records[0].task_id
        await souk.house.operations.cancel(caller, task)
        assert await outcomes(souk, caller, 5) == {"created": 1, Reason.QUEUE_FULL.value: 4}


async def test_an_accounts_rate_of_creates_is_kept(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, engine=False) as souk:
        caller = await souk.account("quick", rate_creates=8)
        assert await outcomes(souk, caller, 30) == {"created": 8, Reason.RATE_LIMITED.value: 22}


@pytest.fixture
def upstream() -> Any:
    with FakeKie() as kie:
        yield kie


class TestTwoProcesses:
    """The same, between processes that share a PostgreSQL."""

    async def test_credits_are_spent_once(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        url = migrated_postgres_url
        async with (
            running(tmp_path, url, upstream, engine=False) as one,
            running(tmp_path, url, upstream, engine=False) as two,
        ):
            caller = await poor(one)
            found = await asyncio.gather(outcomes(one, caller, 500), outcomes(two, caller, 500))
            assert found[0]["created"] + found[1]["created"] == AFFORDED
            assert found[0].total() + found[1].total() == 1000
            assert await one.house.operations.balance(caller) == 0
            assert await one.problems() == []

    async def test_one_key_makes_one_task(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        url = migrated_postgres_url
        async with (
            running(tmp_path, url, upstream, engine=False) as one,
            running(tmp_path, url, upstream, engine=False) as two,
        ):
            creating = [
                souk.house.operations.create(one.caller, draft(idempotency_key=f"key-{number % 10}"))
                for number in range(100)
                for souk in (one, two)
            ]
            answers = await asyncio.gather(*creating)
            assert len({answer.task_id for answer in answers}) == 10
            assert await one.sql("SELECT count(*) FROM tasks") == [(10,)]
            assert await one.problems() == []

    async def test_tasks_of_many_accounts_run_once_each_and_deadlocks_stay_rare(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        url = migrated_postgres_url
        async with running(tmp_path, url, upstream) as one, running(tmp_path, url, upstream) as two:
            callers = [await one.account(f"account-{number}") for number in range(6)]
            numbered = [(number, caller) for number in range(50) for caller in callers]
            Random(1).shuffle(numbered)
            creating = [
                (one, two)[number % 2].create(f"<{number} of {caller.name}>", caller=caller)
                for number, caller in numbered
            ]
            await asyncio.gather(*creating)
            await all_ended(one)
            assert sorted(Counter(submit.prompt for submit in upstream.submits).values()) == [1] * 300
            assert await one.problems() == []
            retries = one.house.lane.stats.retries + two.house.lane.stats.retries
            assert retries <= 2
