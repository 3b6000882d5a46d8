"""News between processes on one PostgreSQL: each test takes away the looking that would make up for lost news."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

import souk.house
from souk.accounts import auth, webhook_keys
from souk.callbacks import worker
from souk.engine.world import EngineLimits
from souk.operations import waiting
from souk.operations.types import CancelAnswer, Reason, Refusal
from souk.settings import Settings
from souk.store.herald import LONGEST, PostgresHerald, Topic, payloads
from souk.words import AccountId, Mode, Scope
from tests.engine.running import Running, running, until
from tests.engine.test_webhooks import PUBLIC, SLOW, Hint, report, telling
from tests.postgres import fresh_database
from tests.upstreams.kie import FakeKie
from tests.upstreams.receiver import receiver

NEVER = 600.0


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines, waiters and the outbox look for themselves every ten minutes only."""
    limits = souk.house.limits_of

    def seldom(settings: Settings) -> EngineLimits:
        return replace(limits(settings), claim_seconds=NEVER)

    monkeypatch.setattr(souk.house, "limits_of", seldom)
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", NEVER)
    monkeypatch.setattr(worker, "LOOK_SECONDS", NEVER)


@asynccontextmanager
async def two(
    folder: Path, url: str, upstream: FakeKie, **given: Any
) -> AsyncIterator[tuple[Running, Running]]:
    """A process that only serves, and one that only runs tasks, hearing each other."""
    given = {"lease_seconds": NEVER, **given}
    async with (
        running(folder / "api", url, upstream, engine=False, **given) as api,
        running(folder / "engine", url, upstream, **given) as engine,
    ):
        await all_hear(url, 2)
        yield api, engine


async def all_hear(url: str, processes: int) -> None:
    """Return once so many processes hear each other."""
    hearing = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND query ~ 'LISTEN|pg_notify'"
    )

    def heralds() -> int:
        with psycopg.connect(url) as connection:
            row = connection.execute(hearing).fetchone()
            return int(row[0]) if row else 0

    async with asyncio.timeout(20):
        while await asyncio.to_thread(heralds) < processes:  # noqa: ASYNC110 - it happens in other threads
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("nobody_looks")
class TestNews:
    async def test_an_engine_hears_of_a_task_created_elsewhere_and_the_waiter_there_of_its_end(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream) as (api, _):
            task = await api.create()
            async with asyncio.timeout(30):
                record = await api.house.operations.record(api.caller, task, wait=NEVER)
            assert record is not None
            assert record.state == "success"

    async def test_events_are_told_where_the_engine_is_not(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream) as (api, _):
            task = await api.create("[up:slow=0.5]")
            async with asyncio.timeout(30):
                seen = [record.inner_state async for record in api.house.operations.events(api.caller, task)]
            assert seen[-1] == "success"
            assert len(seen) > 1

    async def test_a_cancel_reaches_the_engine_that_holds_the_task(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream, models=SLOW) as (api, engine):
            telling(engine)
            task = await api.create()
            await api.reached(task, "generating")
            async with asyncio.timeout(30):
                assert await api.house.operations.cancel(api.caller, task) is CancelAnswer.TOO_LATE

    async def test_a_report_at_another_process_wakes_the_one_that_holds_the_task(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream, models=SLOW, public_url=PUBLIC) as both:
            api, engine = both
            provider = telling(engine, Hint())
            task = await api.create()
            await until(lambda: provider.polls)
            provider.done = True
            assert await report(api, provider.jobs[0].webhook_url)
            assert (await api.ended(task)).state == "success"

    async def test_a_callback_made_due_where_nothing_is_sent_is_sent_elsewhere(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with receiver() as client, two(tmp_path, migrated_postgres_url, upstream) as (api, _):
            task = await api.create(callback_url=client.url())
            await client.wait(1, seconds=30)
            await api.ended(task)
            async with asyncio.timeout(30):
                while await api.sql("SELECT 1 FROM outbox WHERE state = 'pending'"):  # noqa: ASYNC110 - the other process writes it down
                    await asyncio.sleep(0.02)
            assert await api.house.operations.redeliver(api.caller, task) == 1
            await client.wait(2, seconds=30)

    async def test_a_closing_engines_tasks_are_taken_up_at_once(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        url = migrated_postgres_url
        async with two(tmp_path, url, upstream) as (api, _):
            async with running(tmp_path / "third", url, upstream, lease_seconds=NEVER) as third:
                task = await third.create("[up:slow=1]")
                await api.reached(task, "generating")
            assert (await api.ended(task)).state == "success"
            assert len(upstream.submits) == 1

    async def test_after_its_connection_was_cut_a_process_looks_and_hears_again(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream) as (api, _):
            cut = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND query ~ 'LISTEN|pg_notify'"
            )
            await api.sql(cut)
            first = await api.create()
            assert (await api.ended(first)).state == "success"
            await all_hear(migrated_postgres_url, 2)
            second = await api.create()
            assert (await api.ended(second)).state == "success"


@pytest.fixture
def nobody_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of keys and accounts would be for ten minutes."""
    monkeypatch.setattr(auth, "CACHE_SECONDS", NEVER)
    monkeypatch.setattr(webhook_keys, "CACHE_SECONDS", NEVER)


@pytest.mark.usefixtures("nobody_forgets")
class TestChanges:
    async def test_a_revoked_key_is_refused_by_every_process(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream) as (api, engine):
            admin = engine.house.admin("test")
            made = await admin.keys.create("main", "short-lived", mode=Mode.LIVE, scope=Scope.USER)
            await api.house.operations.authenticate(made.text, "127.0.0.1")
            await admin.keys.revoke(made.row.id)
            assert await refusal(api, made.text) is Reason.UNAUTHORIZED

    async def test_a_keys_new_allowlist_holds_in_every_process(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream) as (api, engine):
            admin = engine.house.admin("test")
            made = await admin.keys.create("main", "for the office", mode=Mode.LIVE, scope=Scope.USER)
            await api.house.operations.authenticate(made.text, "127.0.0.1")
            await admin.keys.rule(made.row.id, {"allow_ips": ("203.0.113.0/24",)})
            assert await refusal(api, made.text) is Reason.IP_DENIED

    async def test_a_rotated_webhook_key_signs_in_every_process(
        self, tmp_path: Path, migrated_postgres_url: str, upstream: FakeKie
    ) -> None:
        async with two(tmp_path, migrated_postgres_url, upstream) as (api, engine):
            account = AccountId(api.caller.account_id)
            before = await engine.house.webhook_keys.keys_of_account(account)
            rotated = await api.house.admin("test").webhooks.rotate("main")
            assert rotated != before
            async with asyncio.timeout(20):
                while await engine.house.webhook_keys.keys_of_account(account) != rotated:  # noqa: ASYNC110 - another process changes it
                    await asyncio.sleep(0.01)


async def refusal(souk: Running, key: str) -> Reason:
    """Why a key is refused, as soon as it is."""
    async with asyncio.timeout(20):
        while True:
            try:
                await souk.house.operations.authenticate(key, "127.0.0.1")
            except Refusal as refused:
                return refused.reason
            await asyncio.sleep(0.01)


def test_many_words_are_told_in_texts_that_postgresql_takes() -> None:
    words = [f"{number:032x}" for number in range(1000)]
    texts = list(payloads(Topic.STEP, words))
    assert all(len(text) <= LONGEST for text in texts)
    assert [word for text in texts for word in text.split(" ")[1:]] == words
    assert list(payloads(Topic.WORK, [""])) == ["work"]


async def test_a_word_that_cannot_be_read_does_not_keep_later_news_away(postgres_server: str) -> None:
    heard, loop = asyncio.Queue[Topic](), asyncio.get_running_loop()
    # Of no encoding: it passes bytes on as they are given.
    with fresh_database(postgres_server, f"test_{uuid4().hex}", encoding="SQL_ASCII") as url:
        herald = PostgresHerald(url, loop, lambda topic, _: heard.put_nowait(topic), lambda: None)
        herald.start()
        await all_hear(url, 1)
        with psycopg.connect(url, autocommit=True) as teller:
            teller.execute("SELECT pg_notify('souk', E'step \\xff')")
            async with asyncio.timeout(20):
                while heard.empty():
                    teller.execute("SELECT pg_notify('souk', 'work')")
                    await asyncio.sleep(0.05)
        assert heard.get_nowait() is Topic.WORK
        await asyncio.to_thread(herald.close)


async def test_a_herald_whose_database_is_away_neither_fails_nor_holds_up_the_end() -> None:
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    herald = PostgresHerald(away, asyncio.get_running_loop(), lambda _topic, _words: None, lambda: None)
    herald.start()
    for number in range(50_000):
        herald.tell(Topic.STEP, str(number))
    await asyncio.to_thread(herald.close)
    assert not herald._thread.is_alive()
