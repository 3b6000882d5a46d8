"""What the fake chat makers have in common: a loopback server that checks what it is sent and lies on request.

Words in what is said make it misbehave:

``[up:status=429]`` refuse · ``[up:html]`` with a page · ``[up:leak]`` with its own key in the message ·
``[up:hang]`` stream two events, then nothing · ``[up:cut]`` break the connection after two events ·
``[up:end]`` end the stream cleanly too early · ``[up:fail]`` tell of a failure inside the stream ·
``[up:crumbs]`` send the stream byte by byte, almost · ``[up:nousage]`` say nothing of usage
"""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

KEY = "sk-upstream-canary-0123456789"
STATUS = re.compile(r"\[up:status=(\d+)\]")
RETRY_AFTER = "7"
CRUMB = 7
"""Bytes in a crumb."""
LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Seen:
    """One request that arrived."""

    path: str
    """With its query."""
    headers: Mapping[str, str]
    raw: bytes
    peer: str
    """The connection it came on."""

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


class FakeMaker(ABC):
    """One maker's API on a loopback port."""

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.url = ""
        self.seen: list[Seen] = []
        self.complaints: list[str] = []
        """What a client did wrong. Tests may assert that it stays empty."""
        self.refuses = 0
        """A status every request is refused with; 0 for none."""
        self.left = asyncio.Event()
        """A client closed its connection while it was streamed to."""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- what a maker is ---------------------------------------------------------------------------

    @abstractmethod
    def complaint(self, seen: Seen) -> tuple[int, str] | None:
        """Status and message of what is wrong with a request, if anything is."""

    @abstractmethod
    def error(self, status: int, message: str) -> bytes:
        """An error's body."""

    @abstractmethod
    def whole(self, seen: Seen) -> bytes:
        """A whole answer."""

    @abstractmethod
    def events(self, seen: Seen) -> list[bytes]:
        """The events of a stream, each with its empty line."""

    @abstractmethod
    def failure(self) -> bytes:
        """The event that tells of a failure."""

    @abstractmethod
    def streams(self, seen: Seen) -> bool:
        """Whether the request wants a stream."""

    # --- serving -----------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(request.path_qs, headers, await request.read(), _peer(request))
        self.seen.append(seen)
        wrong = self.complaint(seen)
        if wrong is not None:
            self.complaints.append(wrong[1])
            return self._refuse(*wrong)
        words = seen.raw.decode()
        if self.refuses:
            return self._refuse(self.refuses, "not now")
        if status := STATUS.search(words):
            return self._told_to_refuse(int(status[1]), words)
        if not self.streams(seen):
            return web.Response(body=self.whole(seen), content_type="application/json")
        return await self._stream(request, seen, words)

    def _told_to_refuse(self, status: int, words: str) -> web.Response:
        if "[up:html]" in words:
            return web.Response(status=status, text="<html>Bad gateway</html>", content_type="text/html")
        return self._refuse(status, f"no: {self.key}" if "[up:leak]" in words else "no, not this one")

    def _refuse(self, status: int, message: str) -> web.Response:
        headers = {"Retry-After": RETRY_AFTER} if status == 429 else {}
        body = self.error(status, message)
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)

    async def _stream(self, request: web.Request, seen: Seen, words: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events = self.events(seen)
        if any(word in words for word in ("[up:hang]", "[up:cut]", "[up:end]", "[up:fail]")):
            events = events[:2]
        if "[up:fail]" in words:
            events.append(self.failure())
        data = b"".join(events)
        pieces = (
            [data[at : at + CRUMB] for at in range(0, len(data), CRUMB)] if "[up:crumbs]" in words else events
        )
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        transport = request.transport
        assert transport is not None
        if "[up:cut]" in words:
            await asyncio.sleep(LOOK_SECONDS)
            transport.abort()
        while "[up:hang]" in words:
            if transport.is_closing():
                self.left.set()
                break
            await asyncio.sleep(LOOK_SECONDS)
        return response


def _peer(request: web.Request) -> str:
    assert request.transport is not None
    return str(request.transport.get_extra_info("peername"))


def event(data: Any, name: str = "") -> bytes:
    """A server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def silent(words: bytes) -> bool:
    """Whether the maker was told to say nothing of usage."""
    return b"[up:nousage]" in words
