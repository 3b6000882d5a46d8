"""The first start, and the starts after it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from souk.accounts import keys, webhook_keys
from souk.accounts.secrets import SecretBox, SecretKeyError
from souk.accounts.webhook_keys import BadWebhookKey
from souk.store.keys import key_by_hash
from souk.words import Mode, Scope
from tests.unit.desk import Desk, open_desk

GIVEN = "given-key-0123456789"


async def test_first_start_makes_an_account_with_a_key_and_credits_in_both_modes(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap(credits=50)
        assert made.created
        assert made.account.name == "main"
        row = await desk.reads.run(lambda c: key_by_hash(c, keys.hash_of(made.made_api_key)))
        assert row is not None
        assert (row.account_id, row.mode, row.scope) == (made.account.id, Mode.LIVE, Scope.ADMIN)
        balances = await desk.admin.credits.balances("main")
        assert [(b.mode, b.available) for b in balances] == [(Mode.LIVE, 500_000), (Mode.SANDBOX, 500_000)]
        assert (await desk.admin.webhooks.keys("main"))[0].startswith("whsec_")


async def test_second_start_changes_nothing_and_shows_no_key(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        first = await desk.bootstrap(credits=50)
        second = await desk.bootstrap(credits=50)
        assert (second.created, second.made_api_key, second.account) == (False, "", first.account)
        assert len(await desk.admin.keys.list("main")) == 1


async def test_given_key_is_the_first_accounts_and_is_never_returned(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap(api_key=GIVEN)
        assert made.made_api_key == ""
        assert await desk.reads.run(lambda c: key_by_hash(c, keys.hash_of(GIVEN)))


async def test_key_given_later_is_added_beside_the_first(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        await desk.bootstrap(api_key=GIVEN)
        assert [row.disabled for row in await desk.admin.keys.list("main")] == [False, False]


async def test_revoked_key_stays_revoked_though_the_environment_names_it(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap(api_key=GIVEN)
        (row,) = await desk.admin.keys.list("main")
        await desk.admin.keys.revoke(row.id)
        await desk.bootstrap(api_key=GIVEN)
        assert [row.disabled for row in await desk.admin.keys.list("main")] == [True]


async def test_processes_that_start_at_once_make_one_account(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        desks = [await stack.enter_async_context(open_desk(database_url, f"p{n}")) for n in range(4)]
        made = await asyncio.gather(*(desk.bootstrap(credits=7) for desk in desks))
        assert sum(start.created for start in made) == 1
        assert sum(bool(start.made_api_key) for start in made) == 1
        assert len(await desks[0].admin.accounts.list()) == 1
        assert (await desks[0].admin.credits.balances("main"))[0].available == 70_000


async def test_another_secret_key_is_refused_before_anything_is_signed_wrongly(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        desk.box = SecretBox("another secret key, long enough")
        with pytest.raises(SecretKeyError, match="SOUK_SECRET_KEY"):
            await desk.bootstrap()
        with pytest.raises(SecretKeyError, match="SOUK_SECRET_KEY"):
            await desk.bootstrap(api_key=GIVEN)


async def test_lost_secret_key_is_survived_with_new_webhook_keys(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap(webhook_key="old")
        desk.box = SecretBox("another secret key, long enough")
        assert [row.name for row in await desk.admin.webhooks.replace_lost()] == ["main"]
        await desk.bootstrap()
        assert (await desk.admin.webhooks.keys("main"))[0].startswith("whsec_")


async def test_given_webhook_key_signs_from_the_first_start(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap(webhook_key="plain-hook-key")
        assert await desk.admin.webhooks.keys("main") == ["plain-hook-key"]


async def test_webhook_key_changed_in_the_environment_counts_and_the_old_one_still_signs(
    database_url: str,
) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap(webhook_key="first")
        await desk.bootstrap(webhook_key="second")
        assert await desk.admin.webhooks.keys("main") == ["second", "first"]


async def test_webhook_key_rotated_by_hand_outlives_a_restart(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap(webhook_key="first")
        await desk.admin.webhooks.rotate("main", "second")
        await desk.admin.webhooks.finish("main")
        await desk.bootstrap(webhook_key="first")
        assert await desk.admin.webhooks.keys("main") == ["second"]


@pytest.mark.parametrize("key", ["   ", "whsec_", "whsec_not base64!", "whsec_ü"])
async def test_webhook_key_that_cannot_sign_is_refused(database_url: str, key: str) -> None:
    async with open_desk(database_url) as desk:
        with pytest.raises(BadWebhookKey):
            await desk.bootstrap(webhook_key=key)


async def test_webhook_key_in_the_database_is_encrypted(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap(webhook_key="canary-hook")
        assert "canary-hook" not in made.account.webhook_keys


async def test_signers_see_a_rotated_key_within_two_seconds(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap(webhook_key="first")
        signer = await _signer(desk)
        assert await signer.keys_of_account(made.account.id) == ["first"]
        await desk.admin.webhooks.rotate("main", "second")
        desk.clock.seconds += 2
        assert await signer.keys_of_account(made.account.id) == ["second", "first"]


async def _signer(desk: Desk) -> webhook_keys.WebhookKeys:
    return webhook_keys.WebhookKeys(desk.reads, desk.box, desk.clock)
