"""From a key to an account, through the cache."""

import asyncio

import pytest

from souk.accounts.auth import Authenticator, Denied, DeniedReason
from souk.operations.admin import KeyRules
from souk.store.reads import Reads
from souk.words import Mode, Scope
from tests.unit.desk import Desk, open_desk

HERE = "127.0.0.1"


def door(desk: Desk) -> Authenticator:
    return Authenticator(desk.reads, desk.clock)


async def reason(door: Authenticator, token: str, ip: str = HERE) -> DeniedReason:
    with pytest.raises(Denied) as denied:
        await door.identify(token, ip)
    return denied.value.reason


async def test_key_opens_its_account_in_its_mode_and_scope(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        key = await desk.admin.keys.create("main", "tests", mode=Mode.SANDBOX, scope=Scope.USER)
        found = await door(desk).identify(key.text, HERE)
        assert (found.account, found.key_id, found.mode, found.scope) == (
            "main",
            key.row.id,
            Mode.SANDBOX,
            Scope.USER,
        )


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", DeniedReason.NO_KEY),
        ("nobody's", DeniedReason.UNKNOWN_KEY),
        ("x" * 5000, DeniedReason.UNKNOWN_KEY),
    ],
)
async def test_wrong_key_is_denied_with_its_reason(
    database_url: str, token: str, expected: DeniedReason
) -> None:
    async with open_desk(database_url) as desk:
        assert await reason(door(desk), token) is expected


async def test_revoked_key_stops_within_two_seconds(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap()
        entrance = door(desk)
        key_id = (await entrance.identify(made.made_api_key, HERE)).key_id
        await desk.admin.keys.revoke(key_id)
        desk.clock.seconds += 2
        assert await reason(entrance, made.made_api_key) is DeniedReason.KEY_DISABLED


async def test_new_key_works_within_two_seconds_though_it_was_denied_before(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        entrance = door(desk)
        assert await reason(entrance, "given-key-0123456789") is DeniedReason.UNKNOWN_KEY
        await desk.bootstrap(api_key="given-key-0123456789")
        desk.clock.seconds += 2
        assert (await entrance.identify("given-key-0123456789", HERE)).account == "main"


async def test_disabled_account_closes_all_its_keys(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap()
        await desk.admin.accounts.disable("main")
        assert await reason(door(desk), made.made_api_key) is DeniedReason.ACCOUNT_DISABLED


async def test_allowlist_admits_its_networks_and_nobody_else(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        await desk.bootstrap()
        rules = KeyRules(allow_ips=("203.0.113.0/24", "2001:db8::/32"))
        key = await desk.admin.keys.create("main", "office", mode=Mode.LIVE, scope=Scope.USER, rules=rules)
        entrance = door(desk)
        for ip in ("203.0.113.9", "2001:db8::7", "203.0.113.9"):
            assert (await entrance.identify(key.text, ip)).key == "office"
        for ip in ("198.51.100.1", "2001:db9::7", "198.51.100.1"):
            assert await reason(entrance, key.text, ip) is DeniedReason.ADDRESS


class CountingReads(Reads):
    """Reads that count how often they were asked."""

    asked = 0

    async def run(self, read):  # type: ignore[no-untyped-def]
        self.asked += 1
        return await super().run(read)


@pytest.fixture
def counting(database_url: str):  # type: ignore[no-untyped-def]
    from souk.store.database import Database

    reads = CountingReads(Database(database_url))
    yield reads
    reads.close()


async def test_known_key_is_read_once_a_second(database_url: str, counting: CountingReads) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap()
        entrance = Authenticator(counting, desk.clock)
        await asyncio.gather(*(entrance.identify(made.made_api_key, HERE) for _ in range(50)))
        assert counting.asked == 1
        desk.clock.seconds += 1
        await entrance.identify(made.made_api_key, HERE)
        assert counting.asked == 2


async def test_unknown_key_is_read_once_a_second_too(database_url: str, counting: CountingReads) -> None:
    async with open_desk(database_url) as desk:
        entrance = Authenticator(counting, desk.clock)
        for _ in range(5):
            await reason(entrance, "nobody's key")
        assert counting.asked == 1


async def test_caller_who_leaves_does_not_take_the_answer_from_the_others(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        made = await desk.bootstrap()
        entrance = door(desk)
        leaving = asyncio.create_task(entrance.identify(made.made_api_key, HERE))
        staying = asyncio.create_task(entrance.identify(made.made_api_key, HERE))
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying).account == "main"
