"""Connections: what servers do with them that a client must not trip over, and names with several addresses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import FilePart, Form, MaybeSent, NeverSent, Response
from souk.net.policy import Policy
from tests.upstreams.raw import Exchange, answer, raw_server, says

MEGABYTE = 1024 * 1024


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.OPEN) as client:
        yield client


async def get(http: GuardedHttp, url: str, method: str = "GET") -> Response:
    return await http.request(method, url, timeout=10, max_bytes=MEGABYTE)


async def patient(exchange: Exchange) -> None:
    while True:
        await exchange.asked()
        await exchange.say(answer(b"hello"))


async def test_continue_is_not_taken_for_the_answer(http: GuardedHttp) -> None:
    early = b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
    async with raw_server(says(early + answer(b"whole", "X-Late: 1"))) as server:
        response = await get(http, server.url())
    assert (response.status, response.body) == (200, b"whole")
    assert (response.headers.get("x-early"), response.headers["x-late"]) == (None, "1")


async def test_body_without_a_length_lasts_until_the_connection_ends(http: GuardedHttp) -> None:
    async with raw_server(says(b"HTTP/1.1 200 OK\r\n\r\nto the end")) as server:
        assert (await get(http, server.url())).body == b"to the end"


async def test_bytes_nobody_asked_for_are_never_the_next_answer(http: GuardedHttp) -> None:
    async def eager(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(answer(b"mine") + answer(b"forged"))
        await exchange.asked()
        await exchange.say(answer(b"late"))

    async with raw_server(eager) as server:
        assert [(await get(http, server.url())).body for _ in range(2)] == [b"mine", b"mine"]
        assert server.connections == 2


async def test_answer_to_head_leaves_no_body_to_wait_for(http: GuardedHttp) -> None:
    async with raw_server(patient) as server:
        assert (await get(http, server.url(), "HEAD")).body == b""
        assert (await get(http, server.url())).body == b"hello"


async def test_answer_without_content_keeps_its_connection(http: GuardedHttp) -> None:
    async def empty(exchange: Exchange) -> None:
        while True:
            await exchange.asked()
            await exchange.say(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with raw_server(empty) as server:
        assert [(await get(http, server.url())).status for _ in range(2)] == [204, 204]
        assert server.connections == 1


async def test_get_on_a_connection_closed_meanwhile_is_asked_once_more(http: GuardedHttp) -> None:
    async def once(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(answer(b"hello"))
        await exchange.asked()

    async with raw_server(once) as server:
        assert [(await get(http, server.url())).body for _ in range(2)] == [b"hello", b"hello"]
        assert (server.connections, len(server.heads)) == (2, 3)


async def test_headers_without_end_are_refused(http: GuardedHttp) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await exchange.say(b"X-More: " + b"a" * 8000 + b"\r\n")

    async with raw_server(endless) as server:
        with pytest.raises(MaybeSent, match="no end"):
            await get(http, server.url())


async def test_server_that_refuses_while_the_body_is_sent_is_heard(http: GuardedHttp) -> None:
    async def no_more(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.reader.readexactly(MEGABYTE)
        await exchange.say(answer(b"too much", status="413 Content Too Large"))
        await exchange.reader.read()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)

    async with raw_server(no_more) as server:
        response = await http.request("POST", server.url(), data=endless(), timeout=10, max_bytes=100)
    assert (response.status, response.body) == (413, b"too much")


async def test_name_in_a_form_cannot_break_out_of_its_quotes(http: GuardedHttp, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"cat")
    form = Form(files=[FilePart("file", tmp_path / "a", 'a"\r\nX-Evil: 1', "image/png")])
    bodies: list[bytes] = []

    async def listen(exchange: Exchange) -> None:
        head = await exchange.asked()
        length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
        bodies.append(await exchange.reader.readexactly(length))
        await exchange.say(answer())

    async with raw_server(listen) as server:
        await http.submit("POST", server.url(), data=form, timeout=10, max_bytes=100)
    assert b'filename="a%22%0D%0AX-Evil: 1"\r\n' in bodies[0]


async def test_next_address_of_a_name_is_tried_where_the_first_refuses() -> None:
    async def two(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with raw_server(patient) as server, GuardedHttp.open(Policy.OPEN, lookup=two) as http:
        assert (await get(http, server.url(host="two.example"))).body == b"hello"


async def test_no_address_of_a_name_that_answers_is_never_sent() -> None:
    async def two(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.3"]

    async with raw_server(patient) as server, GuardedHttp.open(Policy.OPEN, lookup=two) as http:
        with pytest.raises(NeverSent, match="connection failed"):
            await get(http, server.url(host="two.example"))


async def test_closing_ends_calls_under_way() -> None:
    heard = asyncio.Event()

    async def mute(exchange: Exchange) -> None:
        await exchange.asked()
        heard.set()
        await asyncio.sleep(60)

    async with raw_server(mute) as server, GuardedHttp.open(Policy.OPEN) as http:
        call = asyncio.ensure_future(http.request("POST", server.url(), timeout=60, max_bytes=100))
        await heard.wait()
        await http.aclose()
        with pytest.raises(MaybeSent):
            await call


async def test_stream_whose_length_is_told_is_sent_without_chunks(http: GuardedHttp) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    bodies: list[bytes] = []

    async def listen(exchange: Exchange) -> None:
        assert "Transfer-Encoding" not in await exchange.asked()
        bodies.append(await exchange.reader.readexactly(7))
        await exchange.say(answer())

    async with raw_server(listen) as server:
        told = {"Content-Length": "7"}
        await http.request("PUT", server.url(), headers=told, data=pieces(), timeout=10, max_bytes=100)
    assert bodies == [b"one two"]
