"""A status that arrived is told even when the rest of the answer failed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent
from souk.net.policy import Policy
from tests.upstreams.raw import Exchange, Script, answer, raw_server, says


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.OPEN) as client:
        yield client


async def failed(http: GuardedHttp, script: Script) -> MaybeSent:
    async with raw_server(script) as server:
        with pytest.raises(MaybeSent) as caught:
            await http.request("POST", server.url(), data=b"x", timeout=3, max_bytes=10)
    return caught.value


async def test_an_answer_that_is_too_long_tells_its_status(http: GuardedHttp) -> None:
    assert (await failed(http, says(answer(b"y" * 100, status="201 Created")))).answered == 201


async def test_an_answer_that_never_ends_tells_its_status(http: GuardedHttp) -> None:
    async def trickle(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(answer(b"y", length=5))
        await asyncio.sleep(30)

    assert (await failed(http, trickle)).answered == 200


async def test_silence_tells_no_status(http: GuardedHttp) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.asked()
        await asyncio.sleep(30)

    assert (await failed(http, silent)).answered is None
