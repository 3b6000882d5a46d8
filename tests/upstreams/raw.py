"""A server made of bare sockets: it says exactly the bytes a test wants, and when."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Raw:
    """Where the server listens and what it was asked. ``connections`` counts accepted sockets."""

    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list[str])
    """The request line and headers of each request."""

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class Exchange:
    """One connection, from the server's side."""

    def __init__(self, raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._raw = raw
        self.reader = reader
        self.writer = writer

    async def asked(self) -> str:
        """Wait for the head of the next request."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        self._raw.heads.append(head)
        return head

    async def rest_of(self, head: str) -> None:
        """Wait for the body that a head announces: a server that hangs up before it breaks the client's writing."""
        told = dict(re.findall(r"(?im)^(content-length|transfer-encoding): *(\S+)", head.lower()))
        if told.get("transfer-encoding") == "chunked":
            await self.reader.readuntil(b"0\r\n\r\n")
        elif "content-length" in told:
            await self.reader.readexactly(int(told["content-length"]))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Drop the connection at once."""
        self.writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw_server(script: Script) -> AsyncIterator[Raw]:
    """Runs ``script`` once per connection on a loopback port; the connection is closed when it ends."""
    raw = Raw()
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await script(Exchange(raw, reader, writer))
        writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running)


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer; ``length`` may lie about the body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {location}", status=status)


def says(data: bytes) -> Script:
    """Hears the first request of each connection out, answers with ``data``, then closes."""

    async def script(exchange: Exchange) -> None:
        await exchange.rest_of(await exchange.asked())
        await exchange.say(data)

    return script
