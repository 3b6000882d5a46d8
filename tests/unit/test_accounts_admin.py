"""The operator's acts on accounts, keys, credits and webhook keys."""

import asyncio

import pytest

from souk.operations.admin import KeyRules, NoSuch
from souk.operations.types import Reason, Refusal
from souk.words import Credits, KeyId, Mode, Scope
from tests.unit.desk import Desk, open_desk


async def refused(act: object) -> Refusal:
    assert asyncio.iscoroutine(act)
    with pytest.raises(Refusal) as refusal:
        await act
    return refusal.value


async def audit(desk: Desk) -> list[tuple[str, str]]:
    return [(row.action, row.subject) for row in reversed(await desk.admin.audit())]


async def test_account_starts_with_nothing_in_both_modes(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.admin.accounts.create("shop")
        balances = await desk.admin.credits.balances("shop")
        assert [(row.mode, row.available, row.held) for row in balances] == [
            (Mode.LIVE, 0, 0),
            (Mode.SANDBOX, 0, 0),
        ]


async def test_account_names_are_taken_once(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        answers = await asyncio.gather(
            *(desk.admin.accounts.create("shop") for _ in range(3)), return_exceptions=True
        )
        refusals = [answer for answer in answers if isinstance(answer, Refusal)]
        assert [refusal.reason for refusal in refusals] == [Reason.CONFLICT, Reason.CONFLICT]
        assert await audit(desk) == [("account.create", "shop")]


@pytest.mark.parametrize("name", ["", " shop", "a\nb", "x" * 81])
async def test_name_nobody_could_type_is_refused(database_url: str, name: str) -> None:
    async with open_desk(database_url) as desk:
        assert (await refused(desk.admin.accounts.create(name))).field == "name"


async def test_limits_change_one_by_one_and_go_back_to_the_setting(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.admin.accounts.create("shop")
        await desk.admin.accounts.limit("shop", {"concurrency": 5, "rate_creates": 20})
        row = await desk.admin.accounts.limit("shop", {"rate_creates": None})
        assert (row.concurrency, row.max_waiting, row.rate_creates) == (5, None, None)


async def test_negative_limit_is_refused(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.admin.accounts.create("shop")
        assert (await refused(desk.admin.accounts.limit("shop", {"concurrency": -1}))).field == "concurrency"


async def test_account_opens_again(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.admin.accounts.create("shop")
        assert (await desk.admin.accounts.disable("shop")).disabled
        assert not (await desk.admin.accounts.disable("shop", disabled=False)).disabled


async def test_unknown_account_is_named(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        with pytest.raises(NoSuch, match="nowhere"):
            await desk.admin.accounts.get("nowhere")
        with pytest.raises(NoSuch, match="nowhere"):
            await desk.admin.credits.grant("nowhere", Mode.LIVE, Credits(1))


async def test_key_keeps_its_rules_but_not_its_text(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        rules = KeyRules(cap_daily=Credits(25_000), allow_ips=("203.0.113.9/24",))
        made = await desk.admin.keys.create("main", "ci", mode=Mode.SANDBOX, scope=Scope.USER, rules=rules)
        row = await desk.admin.keys.get(made.row.id)
        assert (row.cap_hourly, row.cap_daily, row.allow_ips) == (None, 25_000, ["203.0.113.0/24"])
        assert made.text not in repr(row) + repr(made) + repr(await desk.admin.audit())


async def test_rules_of_a_key_change_one_by_one(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        rules = KeyRules(cap_daily=Credits(25_000), cap_total=Credits(90_000))
        made = await desk.admin.keys.create("main", "ci", mode=Mode.LIVE, scope=Scope.USER, rules=rules)
        await desk.admin.keys.rule(made.row.id, {"cap_daily": None, "allow_ips": ("127.0.0.1",)})
        row = await desk.admin.keys.get(made.row.id)
        assert (row.cap_daily, row.cap_total, row.allow_ips) == (None, 90_000, ["127.0.0.1/32"])


@pytest.mark.parametrize(
    ("rules", "field"),
    [(KeyRules(cap_total=Credits(-1)), "cap_total"), (KeyRules(allow_ips=("office",)), "allow_ips")],
)
async def test_rule_that_cannot_be_is_refused(database_url: str, rules: KeyRules, field: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        act = desk.admin.keys.create("main", "ci", mode=Mode.LIVE, scope=Scope.USER, rules=rules)
        assert (await refused(act)).field == field


async def test_unknown_key_is_named(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        with pytest.raises(NoSuch, match="999"):
            await desk.admin.keys.revoke(KeyId(999))


async def test_credits_are_given_in_one_mode_only(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.admin.accounts.create("shop")
        balance = await desk.admin.credits.grant("shop", Mode.LIVE, Credits(123_456), "invoice 7")
        assert balance.available == 123_456
        live, sandbox = await desk.admin.credits.balances("shop")
        assert (live.available, sandbox.available) == (123_456, 0)


async def test_credits_are_taken_back_down_to_zero_and_no_further(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.admin.accounts.create("shop")
        await desk.admin.credits.grant("shop", Mode.LIVE, Credits(50_000))
        refusal = await refused(desk.admin.credits.grant("shop", Mode.LIVE, Credits(-50_001)))
        assert refusal.reason is Reason.INSUFFICIENT_CREDITS
        assert (await desk.admin.credits.grant("shop", Mode.LIVE, Credits(-50_000))).available == 0


async def test_every_act_is_on_record_and_a_refused_one_is_not(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        await desk.admin.accounts.disable("main")
        await desk.admin.accounts.disable("main", disabled=False)
        await refused(desk.admin.credits.grant("main", Mode.LIVE, Credits(-1)))
        await desk.admin.credits.grant("main", Mode.LIVE, Credits(20_000), "welcome")
        await desk.admin.webhooks.rotate("main")
        await desk.admin.webhooks.finish("main")
        assert await audit(desk) == [
            ("account.disable", "main"),
            ("account.enable", "main"),
            ("credits.grant", "main"),
            ("webhook.rotate", "main"),
            ("webhook.finish", "main"),
        ]
        grant = (await desk.admin.audit())[2]
        assert (grant.actor, grant.detail) == ("test", {"mode": "live", "credits": 2.0, "note": "welcome"})


async def test_rotation_keeps_two_keys_until_it_is_finished(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap(webhook_key="one")
        await desk.admin.webhooks.rotate("main", "two")
        assert await desk.admin.webhooks.rotate("main", "three") == ["three", "two"]
        assert await desk.admin.webhooks.finish("main") == ["three"]
        assert (await refused(desk.admin.webhooks.finish("main"))).reason is Reason.CONFLICT
