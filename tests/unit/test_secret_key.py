"""The exchange of the secret key: what is sealed with which, and that nothing falls between the two."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from souk.accounts import webhook_keys
from souk.accounts.in_force import LOOK_SECONDS, KeyWatch, hold, mark_of
from souk.accounts.secrets import SecretBox, SecretKeyError
from souk.assets.signed import BadLink, SignedLinks
from souk.clock import SystemClock
from souk.operations.types import Refusal
from souk.store import accounts
from souk.store.database import sqlite_url
from souk.store.statement import Statement
from souk.words import Millis
from tests.unit.desk import SECRET_KEY, Desk, open_desk

NEW = "fedcba9876543210fedcba9876543210"
HOOK = "hook-key-from-the-environment"
_WAITING = Statement(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@asynccontextmanager
async def process(url: str, *keys: str) -> AsyncIterator[Desk]:
    """A process that knows these secret keys, the newest first."""
    async with open_desk(url, f"process with {len(keys)} keys from {keys[0][:4]}") as desk:
        desk.box = SecretBox(*keys)
        yield desk


async def keys_of(desk: Desk) -> dict[str, list[str]]:
    """Every account's webhook keys, as this process reads them."""
    return {row.name: await desk.admin.webhooks.keys(row.name) for row in await desk.admin.accounts.list()}


def test_box_with_two_keys_opens_and_accepts_what_either_made() -> None:
    old, new, both = SecretBox(SECRET_KEY), SecretBox(NEW), SecretBox(NEW, SECRET_KEY)
    for box in (old, new):
        assert both.decrypt(box.encrypt("canary", "a"), "a") == "canary"
        assert box.sign("text") in both.signed("text")
        assert both.recognises(box.fingerprint("text"), "text")


def test_box_makes_things_with_the_key_in_force() -> None:
    old, new, both = SecretBox(SECRET_KEY), SecretBox(NEW), SecretBox(NEW, SECRET_KEY)
    for box in (old, new, old):
        assert both.follow(box.mark)
        assert both.sign("text") == box.sign("text")
        assert box.decrypt(both.encrypt("canary", "a"), "a") == "canary"
    assert not both.follow(SecretBox("a key of somebody else").mark)
    assert both.sign("text") == old.sign("text")


def test_link_signed_with_the_key_before_works_until_that_is_dropped() -> None:
    old, both, new = (
        SignedLinks(SecretBox(*keys), "") for keys in ((SECRET_KEY,), (NEW, SECRET_KEY), (NEW,))
    )
    expires, signature = old.make("a/b", Millis(0)).partition("expires=")[2].split("&sig=")
    assert both.check("a/b", expires, signature, Millis(0)) == 20 * 60
    with pytest.raises(BadLink):
        new.check("a/b", expires, signature, Millis(0))


async def test_until_the_exchange_all_is_sealed_with_the_key_that_every_process_knows(
    database_url: str,
) -> None:
    async with process(database_url, SECRET_KEY) as old, process(database_url, NEW, SECRET_KEY) as both:
        await old.bootstrap(webhook_key=HOOK)
        await both.bootstrap(webhook_key=HOOK)
        await both.admin.accounts.create("shop")
        await both.admin.webhooks.rotate("main", "second")
        assert await keys_of(old) == await keys_of(both)


async def test_after_the_exchange_the_new_key_opens_everything_and_the_old_one_nothing(
    database_url: str,
) -> None:
    async with process(database_url, SECRET_KEY) as old:
        await old.bootstrap(webhook_key=HOOK)
        await old.admin.accounts.create("shop")
        before = await keys_of(old)
        async with process(database_url, NEW, SECRET_KEY) as both:
            done = await both.admin.secret_keys.exchange()
            assert (done.accounts, done.changed) == (2, 2)
            assert (await both.admin.audit())[0].action == "secret_key.exchange"
        async with process(database_url, NEW) as new:
            await new.bootstrap(webhook_key=HOOK)
            assert await keys_of(new) == before
        for act in (old.admin.accounts.create("late"), old.admin.webhooks.rotate("main"), keys_of(old)):
            with pytest.raises(SecretKeyError):
                await act


async def test_exchange_may_be_repeated_and_undone(database_url: str) -> None:
    async with process(database_url, SECRET_KEY) as old:
        await old.bootstrap(webhook_key=HOOK)
        async with process(database_url, NEW, SECRET_KEY) as both:
            assert [(await both.admin.secret_keys.exchange()).changed for _ in range(2)] == [1, 0]
        async with process(database_url, SECRET_KEY, NEW) as back:
            await back.admin.secret_keys.exchange()
        assert await keys_of(old) == {"main": [HOOK]}


async def test_what_is_sealed_while_the_exchange_runs_is_sealed_with_the_new_key_in_the_end(
    database_url: str,
) -> None:
    async with process(database_url, NEW, SECRET_KEY) as one, process(database_url, NEW, SECRET_KEY) as other:
        one.box = SecretBox(SECRET_KEY)
        await one.bootstrap()
        one.box = SecretBox(NEW, SECRET_KEY)
        for number in range(20):
            await one.admin.accounts.create(f"early-{number}")
        work = [other.admin.accounts.create(f"late-{number}") for number in range(20)]
        turns = [other.admin.webhooks.rotate(f"early-{number}") for number in range(20)]
        await asyncio.gather(
            *work[:10], *turns[:10], one.admin.secret_keys.exchange(), *work[10:], *turns[10:]
        )
        async with process(database_url, NEW) as new:
            assert await new.admin.secret_keys.check() == 41


async def test_exchange_waits_for_whoever_is_sealing_something(migrated_postgres_url: str) -> None:
    async with process(migrated_postgres_url, SECRET_KEY) as old:
        await old.bootstrap()
    async with process(migrated_postgres_url, NEW, SECRET_KEY) as desk:
        connection, watcher = desk.database.connect(), desk.database.connect()
        try:
            connection.begin()
            hold(connection, desk.box)
            exchange = asyncio.create_task(desk.admin.secret_keys.exchange())
            await until(lambda: exchange.done() or bool(watcher.run(_WAITING)))
            assert not exchange.done()
            sealed = webhook_keys.sealed(desk.box, "segment", [HOOK])
            accounts.insert_account(connection, "late", "segment", sealed, Millis(0))
            connection.commit()
            assert (await exchange).changed == 2
        finally:
            connection.close()
            watcher.close()


async def test_secrets_that_no_key_opens_stop_the_exchange_before_it_changes_anything(
    database_url: str,
) -> None:
    async with process(database_url, SECRET_KEY) as old:
        made = await old.bootstrap(webhook_key=HOOK)
        await old.admin.accounts.create("shop")
        connection = old.database.connect()
        lost = SecretBox("a key that nobody has any more").encrypt("[]", "x")
        accounts.set_webhook_keys(connection, (await old.admin.accounts.get("shop")).id, lost)
        connection.close()
        async with process(database_url, NEW, SECRET_KEY) as both:
            with pytest.raises(Refusal, match=r"1 account\(s\), shop.*--lost"):
                await both.admin.secret_keys.exchange()
        assert await old.admin.webhooks.keys(made.account.name) == [HOOK]
        assert old.box.fits(await old.reads.run(mark_of))


async def test_lost_keys_are_replaced_under_the_new_key_and_the_others_kept(database_url: str) -> None:
    async with process(database_url, SECRET_KEY) as old:
        await old.bootstrap(webhook_key=HOOK)
        async with process(database_url, NEW, SECRET_KEY) as both:
            assert await both.admin.webhooks.replace_lost() == []
        async with process(database_url, NEW) as new:
            assert await keys_of(new) == {"main": [HOOK]}


async def test_webhook_key_rotated_by_hand_outlives_the_exchange(database_url: str) -> None:
    async with process(database_url, SECRET_KEY) as old:
        await old.bootstrap(webhook_key=HOOK)
        await old.admin.webhooks.rotate("main", "second")
        await old.admin.webhooks.finish("main")
    async with process(database_url, NEW, SECRET_KEY) as both:
        await both.admin.secret_keys.exchange()
    async with process(database_url, NEW) as new:
        await new.bootstrap(webhook_key=HOOK)
        assert await keys_of(new) == {"main": ["second"]}


async def test_webhook_key_noted_by_an_earlier_version_is_not_taken_for_a_new_one(database_url: str) -> None:
    async with process(database_url, SECRET_KEY) as desk:
        await desk.bootstrap(webhook_key=HOOK)
        await desk.admin.webhooks.rotate("main", "second")
        await desk.admin.webhooks.finish("main")
        connection = desk.database.connect()
        accounts.set_meta(connection, "webhook_key_from_environment", desk.box.fingerprint(HOOK))
        connection.close()
        await desk.bootstrap(webhook_key=HOOK)
        assert await keys_of(desk) == {"main": ["second"]}
    async with process(database_url, NEW, SECRET_KEY) as both:
        await both.admin.secret_keys.exchange()
        await both.bootstrap(webhook_key=HOOK)
        assert await keys_of(both) == {"main": ["second"]}


async def test_process_that_runs_follows_the_exchange(migrated_url: str) -> None:
    async with process(migrated_url, SECRET_KEY) as old:
        await old.bootstrap()
    async with (
        process(migrated_url, NEW, SECRET_KEY) as serving,
        process(migrated_url, NEW, SECRET_KEY) as cli,
    ):
        await serving.bootstrap()
        assert serving.box.mark == SecretBox(SECRET_KEY).mark
        async with watching(serving):
            await cli.admin.secret_keys.exchange()
            await until(lambda: serving.box.mark == SecretBox(NEW).mark)


async def test_process_with_a_misspelt_key_says_so_once_its_secrets_are_out_of_reach(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = sqlite_url(tmp_path / "souk.db")
    async with process(url, SECRET_KEY) as old:
        await old.bootstrap()
    misspelt = NEW.replace("f", "e")
    async with (
        process(url, misspelt, SECRET_KEY) as serving,
        process(url, NEW, SECRET_KEY) as cli,
        watching(serving),
    ):
        await serving.bootstrap()
        await cli.admin.secret_keys.exchange()
        await until(lambda: bool(caplog.records))
        assert "SOUK_SECRET_KEY" in caplog.records[0].__dict__["remedy"]
        await asyncio.sleep(2.5 * LOOK_SECONDS)
        assert len(caplog.records) == 1


@asynccontextmanager
async def watching(desk: Desk) -> AsyncIterator[None]:
    watch = KeyWatch(desk.reads, desk.box, SystemClock())
    watch.start()
    try:
        yield
    finally:
        await watch.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what changes is a plain value
            await asyncio.sleep(0.05)
