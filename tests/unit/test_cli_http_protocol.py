"""A connection is read within limits, and a wish for another protocol does not cost a request its body."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from souk.cli import http_protocol, http_server
from souk.cli.http_server import HttpServer

SLOW_SECONDS = 0.3
HEAD = b"POST / HTTP/1.1\r\nHost: souk\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body that came."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW_SECONDS)
    headers = [(b"connection", b"close"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    up = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpServer(echo, up.set)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await up.wait()
        yield listener.getsockname()[1]
        server.stop()
        await serving


async def answer_to(port: int, *parts: bytes) -> bytes:
    """What comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_request_that_asks_for_another_protocol_keeps_its_body(port: int, protocol: bytes) -> None:
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\n"

    answer = await answer_to(port, HEAD + wish + b"Content-Length: 4\r\n\r\nbody")

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"body")


async def test_request_keeps_its_body_wherever_its_head_is_cut(port: int) -> None:
    request = HEAD + b"Connection: upgrade\r\nuPgrade: h2c\r\nContent-Length: 4\r\n\r\nbody"

    answers = await asyncio.gather(
        *(answer_to(port, request[:at], request[at:]) for at in range(1, len(request))),
        answer_to(port, *(request[at : at + 1] for at in range(len(request)))),
    )

    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * len(request)
    assert {answer[-4:] for answer in answers} == {b"body"}


async def test_body_that_speaks_of_upgrades_arrives_as_it_is(port: int) -> None:
    body = b"\r\nUpgrade: h2c\r\n"

    answer = await answer_to(port, HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body)

    assert answer.endswith(body)


async def test_endless_headers_are_refused(port: int) -> None:
    line = b"X-Padding: " + b"a" * 1000 + b"\r\n"

    answer = await answer_to(port, HEAD, *[line * 11] * 6)

    assert answer.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "sent", [(), (HEAD,), (HEAD, b"X: y\r\n"), (b"\r\n",)], ids=["nothing", "start", "trickle", "blank"]
)
async def test_head_that_does_not_come_closes_the_connection(
    port: int, sent: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.1)

    assert await answer_to(port, *sent) == b""


async def test_body_that_stops_coming_closes_the_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", 0.1)

    assert await answer_to(port, HEAD + b"Content-Length: 9\r\n\r\n", b"part") == b""


async def test_answer_may_take_longer_than_a_request(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", SLOW_SECONDS / 5)
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", SLOW_SECONDS / 5)

    answer = await answer_to(port, b"GET /slow HTTP/1.1\r\nHost: souk\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_stopping_server_answers_a_last_time_on_a_connection_that_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hello(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})

    monkeypatch.setattr(http_server, "PARTING_SECONDS", 60.0)  # until the connection has gone
    up = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        server = HttpServer(hello, up.set)
        serving = asyncio.create_task(server.serve_at(listener))
        await up.wait()
        reader, writer = await asyncio.open_connection(*address)
        async with asyncio.timeout(30):
            writer.write(b"GET / HTTP/1.1\r\nHost: souk\r\n\r\n")
            assert b"connection: close" not in await reader.readuntil(b"\r\n\r\nhello")
            server.stop()
            while (b"connection", b"close") not in server.server_state.default_headers:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
            writer.write(b"GET / HTTP/1.1\r\nHost: souk\r\n\r\n")
            last = await reader.read()
        assert last.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in last
        assert last.endswith(b"hello")
        writer.close()
        await writer.wait_closed()
        await serving
