"""How a connection is read before there is a request: within limits of size and patience, and deaf to upgrades.

uvicorn would wait for ever for the rest of a request, and gather its headers without end.
"""

import asyncio
import re
from enum import Enum, auto
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD: Final = 64 * 1024
"""Bytes of request line and headers that may come without their end."""
HEAD_SECONDS: Final = 30.0
"""Within which the whole head of a request must have come."""
BODY_SECONDS: Final = 60.0
"""How long a request's body may pause. Slow ones are welcome, silent ones are not."""

_UPGRADE: Final = re.compile(rb"(\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
_MAY_BE_UPGRADE: Final = re.compile(rb"\r(\n(\r|u(p(g(r(a(d(e[ \t]*)?)?)?)?)?)?)?)?\Z", re.IGNORECASE)
"""The end of what has come of a head, if more must come to tell whether that header, or the end of all, begins here."""
_PASSED_OVER: Final = rb"\1ignored"
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class Part(Enum):
    """What of a request comes next."""

    HEAD = auto()
    BODY = auto()


class HttpProtocol(HttpToolsProtocol):
    """One client's connection."""

    _part: Part | None = None
    """None between two requests, where uvicorn's own time limit holds."""
    _head_size = 0
    _held_back = b""
    """What has come of a head and cannot be read yet."""
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data if self._part is Part.BODY else self._legible(data))
        if self._part is None:
            self._wait_no_more()
        elif self._part is Part.BODY:
            self._wait(BODY_SECONDS)
        else:
            self._head_size += len(data)
            if self._head_size > LONGEST_HEAD:
                self.transport.write(_TOO_LONG)
                self.transport.close()
            elif self._patience is None:
                self._wait(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part = Part.HEAD
        self._head_size = 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._part = Part.BODY

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._part = None

    def _legible(self, data: bytes) -> bytes:
        """As much of a head as can be read by now, without its wish for another protocol."""
        if self._part is None:  # a mere line break before a request is waited on no longer either
            self._part, self._head_size = Part.HEAD, 0
        data, self._held_back = self._held_back + data, b""
        if b"\r\n\r\n" not in data and (end := _MAY_BE_UPGRADE.search(data)):
            data, self._held_back = data[: end.start()], data[end.start() :]
        return _without_upgrade(data)

    def _wait(self, seconds: float) -> None:
        self._wait_no_more()
        self._patience = self.loop.call_later(seconds, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        if self.flow.read_paused:  # it is us who do not read
            self._wait(BODY_SECONDS)
        else:
            self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """The same request without its wish for another protocol, which a server may pass over (RFC 9110, 7.8).

    The parser would take the body for that protocol's: Java's own client, which asks every plain address for
    HTTP/2, could not create a task. A name of the same length takes the header's place, so that nothing moves.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(_PASSED_OVER, head) + end + rest if _UPGRADE.search(head) else data
