"""One connection and the exchanges on it, one at a time: HTTP/1.1 over an asyncio transport, parsed by llhttp.

A general client spends about as much on one small exchange as all the rest of a task's life costs; this one does what
Souk needs and nothing more.
"""

import asyncio
import select
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import cast

import httptools

MOST_HEAD_BYTES = 64 * 1024
"""Of an answer's status line and headers."""
BUFFERED_BYTES = 256 * 1024
"""Once so much waits to be read, no more is taken from the network."""
_BODILESS = frozenset({204, 304})
_LENGTHS = frozenset({"content-length", "transfer-encoding"})


class Disconnected(ConnectionError):
    """The connection ended before an answer began."""


class CutOff(ConnectionError):
    """The connection ended in the middle of an answer."""


class NotHttp(ValueError):
    """What came is not an answer."""


class Wire(asyncio.Protocol):
    """A connection. After an exchange, :attr:`reusable` says whether it may serve another."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._made = False
        self.gone = self._loop.create_future()
        """Done when the connection has ended."""
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._busy = False
        self._spoilt = False
        self._begin("")

    def _begin(self, method: str) -> None:
        # A parser keeps nothing from one answer to the next worth having, and is cheap to make.
        self._parser = httptools.HttpResponseParser(self)
        self.bodiless = method == "HEAD"
        """Whatever the headers of the answer say of a length."""
        self._by_end = False
        """The body lasts until the connection ends."""
        self._head_bytes = 0
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._complete = False
        self.status = 0
        """Of the answer; 0 until its head has come."""
        self.headers: dict[str, str] = {}
        """Names in lower case; what repeats is joined by commas."""

    @property
    def reusable(self) -> bool:
        """Whether the exchange is over and the server keeps the connection, as far as anybody knows."""
        return not (self._busy or self._spoilt or self.gone.done() or self._transport.is_closing())

    def still(self) -> bool:
        """Whether a connection that rested may be asked: nothing has come that the loop had no time to look at.

        The end of the connection would be the first thing to come.
        """
        if not self.reusable:
            return False
        came = select.poll()
        came.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return not came.poll(0)

    @property
    def silent(self) -> bool:
        """Whether not one byte of an answer has come."""
        return not self._head_bytes

    def close(self) -> None:
        """End the connection, if it was made at all; what is still coming is not read."""
        self._rest()
        if not self._made:
            return
        if self._complete:
            self._transport.close()
        else:
            self._transport.abort()

    async def ask(self, method: str, head: bytes, body: bytes | AsyncIterable[bytes], until: float) -> None:
        """Send a request and wait for the head of its answer. Raises OSError or NotHttp.

        ``until`` is when the whole exchange must be over, on the loop's clock. Then, waiting raises TimeoutError.
        """
        self._begin(method)
        self._busy = True
        # One timer for all the waiting; asyncio's own time limits cost more than the rest of a small exchange.
        self._alarm = self._loop.call_at(until, self._fail, TimeoutError())
        if isinstance(body, bytes):
            self._transport.write(head + body if body else head)
        else:
            self._transport.write(head)
            async with asyncio.timeout_at(until):
                await self._send(body)
        while not self.status:
            await self._more()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises OSError or NotHttp."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting_bytes -= len(piece)
                yield piece
            if self._paused:
                self._paused = False
                self._transport.resume_reading()
            if self._complete:
                self._busy = False
                self._rest()
                return
            await self._more()

    def whole(self, most: int) -> bytes | None:
        """The body, if all of it has come with the head and is no longer than this; else None, and nothing is read."""
        if not self._complete or self._error is not None or self._paused or self._waiting_bytes > most:
            return None
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting_bytes = 0
        self._busy = False
        self._rest()
        return body

    def _rest(self) -> None:
        """Nothing is waited for any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _send(self, body: AsyncIterable[bytes]) -> None:
        """The body, no faster than it leaves. A server that answers before the end hears no more of it."""
        async for piece in body:
            if self.status or self.gone.done():
                self._spoilt = True
                return
            self._transport.write(piece)
            if self._writable is not None:
                await self._writable

    async def _more(self) -> None:
        """Return when something came. Raises what ended the connection, once all that came was read."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._spoilt = True
        self._wake()

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._made = True

    def data_received(self, data: bytes) -> None:
        if not self._busy or self._complete:
            self._spoilt = True  # nobody asked: whatever this is, it must not be taken for the next answer
            return
        if not self.status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(NotHttp("the server speaks another protocol"))
        except httptools.HttpParserError:
            self._fail(NotHttp("the answer is not HTTP"))
        if not self.status and self._head_bytes > MOST_HEAD_BYTES:
            self._fail(NotHttp("the answer's headers have no end"))
        if self._waiting_bytes > BUFFERED_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._by_end and exc is None:
            self._complete = True
        if not self._complete and self._error is None:
            cut = CutOff("cut off") if self.status else Disconnected("no answer")
            self._error = exc if isinstance(exc, OSError) and self.silent else cut
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self.gone.set_result(None)
        # It holds this object as this object holds it: the two would wait for a look for cycles.
        del self._parser
        self._wake()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._complete:
            self._spoilt = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._complete:
            return
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        known = self.headers.get(key)
        self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:  # "100 Continue" and the like: the answer itself is still to come
            self.headers.clear()
            return
        self.status = status
        if self.bodiless:
            # The parser would wait for the body that HEAD's headers tell of.
            self._complete = self._spoilt = True
        elif status not in _BODILESS and not self.headers.keys() & _LENGTHS:
            self._by_end = self._spoilt = True

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._pieces.append(body)
            self._waiting_bytes += len(body)

    def on_message_complete(self) -> None:
        if not self.status:
            return
        if not self._parser.should_keep_alive():
            self._spoilt = True
        self._complete = True
