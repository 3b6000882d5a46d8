"""What counts as delivered, and what each other answer leads to."""

import asyncio

import pytest
from aiohttp import web

from souk.net.policy import Policy
from tests.callback_house import house, until
from tests.postgres import free_port
from tests.upstreams.raw import Exchange, answer, raw_server
from tests.upstreams.receiver import Received, receiver, silent, statuses

TASK = "0199c0de0000700080000000000000aa"


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_any_2xx_is_a_delivery(database_url: str, status: int) -> None:
    async with house(database_url) as souk, receiver(statuses(status)) as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "delivered"


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
async def test_any_other_status_is_tried_again(database_url: str, status: int) -> None:
    async def answer(_received: Received) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"}, text="x" * 5000)

    async with house(database_url) as souk, receiver(answer) as client:
        souk.end(TASK, client.url())
        row = await souk.settled(TASK, 1)
        assert row.state == "pending"
        assert 4_500 <= row.next_try_at - souk.clock.now() <= 5_500
        (delivery,) = souk.tries(TASK)
        assert delivery.status == status
        assert len(delivery.error or "") < 300
        assert [got.path for got in client.got] == ["/hook"]


async def test_what_the_receiver_said_is_kept_in_part(database_url: str) -> None:
    async with house(database_url) as souk, receiver(statuses(500)) as client:
        souk.end(TASK, client.url())
        await souk.settled(TASK, 1)
        assert souk.tries(TASK)[0].error == "HTTP 500: said the receiver"


async def test_an_address_that_the_receiver_repeats_loses_its_token(database_url: str) -> None:
    async def repeat(received: Received) -> web.Response:
        return web.Response(status=404, text=f"nothing at {received.path}, token canary+1")

    async with house(database_url) as souk, receiver(repeat) as client:
        souk.end(TASK, client.url("/hook?key=canary%2B1"))
        await souk.settled(TASK, 1)
        assert souk.tries(TASK)[0].error == "HTTP 404: nothing at /hook?***, token ***"


async def test_gone_is_taken_at_its_word(database_url: str) -> None:
    async with house(database_url) as souk, receiver(statuses(410)) as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "dead"
        await until(lambda: souk.counted == ["dead"])


async def test_a_receiver_may_ask_for_more_time(database_url: str) -> None:
    async def busy(_received: Received) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "90"})

    async with house(database_url) as souk, receiver(busy) as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).next_try_at == souk.clock.now() + 90_000


async def test_a_long_answer_is_still_an_answer(database_url: str) -> None:
    async def long(_received: Received) -> web.Response:
        return web.Response(text="x" * 100_000)

    async with house(database_url) as souk, receiver(long) as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "delivered"


async def test_a_trickling_answer_counts_by_its_status(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("souk.callbacks.post.TRY_SECONDS", 0.5)

    async def trickle(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(answer(b"", length=100))
        while True:
            await exchange.say(b"x")
            await asyncio.sleep(0.1)

    async with house(database_url) as souk, raw_server(trickle) as server:
        souk.end(TASK, server.url())
        assert (await souk.settled(TASK, 1)).state == "delivered"


async def test_a_silent_receiver_is_given_up_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("souk.callbacks.post.TRY_SECONDS", 0.2)
    async with house(database_url) as souk, receiver(silent) as client:
        souk.end(TASK, client.url())
        assert (await souk.settled(TASK, 1)).state == "pending"
        assert souk.tries(TASK)[0].error == "no whole answer within 0.2 s"


async def test_a_refused_connection_is_tried_again(database_url: str) -> None:
    async with house(database_url) as souk:
        souk.end(TASK, f"http://127.0.0.1:{free_port()}/hook")
        assert (await souk.settled(TASK, 1)).state == "pending"
        assert (souk.tries(TASK)[0].error or "").startswith("the connection failed (")


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://[broken", "ftp://client.example/"])
async def test_an_address_that_may_not_be_contacted_says_so(database_url: str, url: str) -> None:
    async with house(database_url) as souk:
        souk.end(TASK, url)
        assert (await souk.settled(TASK, 1)).state == "pending"
        assert (souk.tries(TASK)[0].error or "").startswith("the address may not be contacted: ")


async def test_private_addresses_are_refused_where_the_policy_says_so(database_url: str) -> None:
    async with house(database_url, policy=Policy.PRIVATE_DENIED) as souk, receiver() as client:
        souk.end(TASK, client.url())
        await souk.settled(TASK, 1)
        assert "private" in (souk.tries(TASK)[0].error or "")
        assert client.got == []
