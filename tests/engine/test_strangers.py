"""An upstream adapter that misbehaves, a connection that is taken away, a caller who leaves: nothing is lost by it."""

import asyncio
from pathlib import Path

import pytest

from souk.engine.bell import Bell
from souk.net.http import Http, MaybeSent
from souk.operations.create import RATE_WINDOW_MS
from souk.providers.base import Accepted, Done, Failed, Job, Refused
from souk.providers.base import Running as InProgress
from souk.providers.kie import Kie
from souk.store.database import Database
from souk.store.reads import Reads
from souk.words import FailKind, TaskId
from tests.engine.running import Running, prompts, running, until
from tests.upstreams.cable import cable
from tests.upstreams.kie import FakeKie


def adopt(souk: Running, provider: Kie) -> None:
    """Run this house's tasks through another adapter."""
    providers = souk.engine._world.providers
    assert isinstance(providers, dict)
    providers["kie"] = provider


class Remembering(Kie):
    """Honours idempotency keys; the first answer is lost, and the second call is one too many."""

    idempotent = True

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.taken = ""

    async def submit(self, job: Job, http: Http) -> Accepted:
        self.attempts.append(job.attempt_id)
        if len(self.attempts) == 1:
            accepted = await super().submit(job, http)
            assert isinstance(accepted, Accepted)
            self.taken = accepted.ref
            raise MaybeSent("the answer was lost")
        if len(self.attempts) == 2:
            raise Refused(FailKind.RATE_LIMIT, "too many calls")
        return Accepted(self.taken)


async def test_a_repeat_that_was_not_let_in_proves_nothing_about_the_first_submit(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, review_seconds=20) as souk:
        provider = Remembering()
        adopt(souk, provider)
        record = await souk.ended(await souk.create("a tram"))
        assert record.state == "success"
        assert len(set(provider.attempts)) == 1
        assert prompts(upstream) == ["a tram"]


class Careless(Kie):
    """Lets somebody else's cancelled future through, once."""

    cancelled = 0

    async def poll(self, job: Job, ref: str, http: Http) -> InProgress | Done | Failed:
        if not self.cancelled:
            self.cancelled += 1
            raise asyncio.CancelledError
        return await super().poll(job, ref, http)


async def test_a_cancel_that_nobody_asked_for_does_not_lose_a_task(souk: Running) -> None:
    adopt(souk, Careless())
    assert (await souk.ended(await souk.create())).state == "success"


async def test_a_task_waits_for_a_connection_that_was_taken_away(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        task = await souk.create("[up:slow=1]")
        await souk.reached(task, "generating")
    async with running(tmp_path, migrated_url) as souk:
        await until(lambda: "task waits for its configuration" in caplog.messages)
        assert "task broke off" not in caplog.messages
        await souk.sql("UPDATE tasks SET due_at = 0")
    async with running(tmp_path, migrated_url, upstream) as souk:
        await souk.sql("UPDATE tasks SET due_at = 0")
        assert (await souk.ended(task)).state == "success"
        assert len(upstream.submits) == 1


async def test_an_unclear_task_whose_connection_was_taken_away_fails_when_its_review_is_over(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream) as souk:
        task = await souk.create("[up:drop-after-accept]")
        await souk.reached(task, "review")
    async with running(tmp_path, migrated_url, review_seconds=0) as souk:
        async with asyncio.timeout(10):
            while await souk.sql("SELECT fail_kind FROM tasks WHERE id = :id", id=task) == [(None,)]:  # noqa: ASYNC110 - the row is all there is
                await asyncio.sleep(0.05)
        assert await souk.sql("SELECT fail_kind FROM tasks WHERE id = :id", id=task) == [("unclear",)]
        assert await souk.problems() == []


async def test_many_refused_calls_in_a_row_are_no_reason_to_fail(
    tmp_path: Path, migrated_url: str, upstream: FakeKie, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("souk.engine.submitting.MAX_ATTEMPTS", 2)
    async with running(tmp_path, migrated_url, upstream) as souk:
        assert (await souk.ended(await souk.create("[up:429=3]"), seconds=30)).state == "success"


async def test_a_caller_who_goes_away_leaves_nothing_at_the_bell() -> None:
    bell = Bell()

    async def wait() -> None:
        with bell.waiter(TaskId("a")) as waiter:
            await waiter.step(60)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert bell._waiting
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not bell._waiting


async def test_a_step_taken_while_the_one_before_is_looked_at_is_heard() -> None:
    bell = Bell()
    with bell.waiter(TaskId("a")) as waiter:
        bell.ring(TaskId("a"))
        async with asyncio.timeout(30):
            await waiter.step(60)


async def test_broken_reading_connections_are_let_go(migrated_postgres_url: str) -> None:
    with cable(migrated_postgres_url) as laid:
        reads = Reads(Database(laid.url), readers=1)
        for _ in range(3):
            await reads.task(TaskId("a"))
            laid.cut()
        await reads.task(TaskId("a"))
        assert len(reads._open) == 1
        reads.close()


async def test_a_house_closes_while_its_database_is_away(
    tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
) -> None:
    with cable(migrated_postgres_url) as laid:
        async with asyncio.timeout(20):
            async with running(tmp_path, laid.url, upstream) as souk:
                await souk.reached(await souk.create("[up:never]"), "generating")
                laid.down = True
                laid.cut()


async def test_a_clock_put_back_does_not_lock_an_account_out(
    tmp_path: Path, migrated_url: str, upstream: FakeKie
) -> None:
    async with running(tmp_path, migrated_url, upstream, rate_creates=1) as souk:
        await souk.create()
        await souk.sql(
            "UPDATE balances SET rate_started = rate_started + :hour", hour=3_600_000 + RATE_WINDOW_MS
        )
        await souk.create()
