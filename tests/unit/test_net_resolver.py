"""Names are judged by what they resolve to, at the moment the connection is made."""

import asyncio
from collections.abc import Sequence

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import Blocked, NeverSent, Response
from souk.net.policy import Policy
from souk.net.resolver import GuardedResolver
from tests.upstreams.raw import Exchange, answer, raw_server, says


class Names:
    """A name server under the attacker's hand: each look-up takes the next answer, the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def get(http: GuardedHttp, url: str, *, trusted: bool = False, fresh: bool = False) -> Response:
    return await http.request("GET", url, timeout=5, max_bytes=1000, trusted=trusted, fresh=fresh)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.9", "::1", "::ffff:10.0.0.9", "100.64.0.1"])
async def test_name_of_a_private_address_is_blocked_when_private_is_denied(address: str) -> None:
    async with GuardedHttp.open(Policy.PRIVATE_DENIED, lookup=Names([address])) as http:
        with pytest.raises(Blocked, match=r"inside\.example"):
            await get(http, "http://inside.example/")


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_name_of_a_metadata_address_is_always_blocked(address: str, trusted: bool) -> None:
    async with GuardedHttp.open(Policy.OPEN, lookup=Names([address])) as http:
        with pytest.raises(Blocked):
            await get(http, "http://inside.example/", trusted=trusted)


async def test_only_allowed_addresses_of_a_name_are_used() -> None:
    resolver = GuardedResolver(Policy.PRIVATE_DENIED, Names(["127.0.0.1", "8.8.8.8", "::1", "8.8.8.8"]))
    assert [result["host"] for result in await resolver.resolve("mixed.example", 80)] == ["8.8.8.8"]


async def test_name_that_rebinds_to_a_private_address_is_blocked_when_it_connects() -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    resolver = GuardedResolver(Policy.PRIVATE_DENIED, names)
    assert await resolver.resolve("rebinding.example", 80)  # a check made early would have passed
    async with raw_server(says(answer())) as server:
        async with GuardedHttp.open(Policy.PRIVATE_DENIED, lookup=names) as http:
            with pytest.raises(Blocked):
                await get(http, server.url(host="rebinding.example"))
        assert server.connections == 0


async def test_trusted_name_may_be_private() -> None:
    async with (
        raw_server(says(answer(b"hello"))) as server,
        GuardedHttp.open(Policy.PRIVATE_DENIED, lookup=Names(["127.0.0.1"])) as http,
    ):
        assert (await get(http, server.url(host="upstream.example"), trusted=True)).body == b"hello"


async def test_trusted_literal_may_be_private() -> None:
    async with raw_server(says(answer())) as server, GuardedHttp.open(Policy.PRIVATE_DENIED) as http:
        assert (await get(http, server.url(), trusted=True)).status == 200
        with pytest.raises(Blocked, match="SOUK_NETWORK_POLICY"):
            await get(http, server.url())


async def test_connection_of_a_trusted_name_is_not_lent_to_an_untrusted_request() -> None:
    async def patient(exchange: Exchange) -> None:
        while True:
            await exchange.asked()
            await exchange.say(answer())

    async with (
        raw_server(patient) as server,
        GuardedHttp.open(Policy.PRIVATE_DENIED, lookup=Names(["127.0.0.1"])) as http,
    ):
        url = server.url(host="upstream.example")
        await get(http, url, trusted=True)
        with pytest.raises(Blocked):
            await get(http, url)
        assert len(server.heads) == 1


async def test_name_without_addresses_is_never_sent() -> None:
    async with GuardedHttp.open(Policy.OPEN, lookup=Names([])) as http:
        with pytest.raises(NeverSent, match="cannot be resolved"):
            await get(http, "http://empty.example/")


async def test_blocked_name_is_blocked_for_all_who_ask_at_once() -> None:
    async with GuardedHttp.open(Policy.PRIVATE_DENIED, lookup=Names(["10.0.0.1"])) as http:
        calls = (get(http, "http://inside.example/") for _ in range(5))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Blocked] * 5


async def test_localhost_is_resolved_by_the_system() -> None:
    async with raw_server(says(answer(b"home"))) as server, GuardedHttp.open(Policy.OPEN) as http:
        assert (await get(http, server.url(host="localhost"))).body == b"home"


async def test_localhost_is_blocked_when_private_is_denied() -> None:
    async with raw_server(says(answer())) as server, GuardedHttp.open(Policy.PRIVATE_DENIED) as http:
        with pytest.raises(Blocked):
            await get(http, server.url(host="localhost"))
