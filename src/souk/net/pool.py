"""Connections kept for the next request to the same place, and how many there are at once."""

import asyncio
from collections import deque

from souk.net.connecting import Connector
from souk.net.policy import Target
from souk.net.wire import Wire

CLOSE_SECONDS = 2.0
"""How long closing connections are waited for."""

Origin = tuple[str, str, int]


class Pool:
    """The connections of one policy. ``limit`` bounds how many are in use at once; 0 = any number.

    One that was not used for ``idle_seconds`` serves nobody any more.
    """

    def __init__(self, connector: Connector, limit: int, idle_seconds: float) -> None:
        self._connector = connector
        self._idle_seconds = idle_seconds
        self._room = asyncio.Semaphore(limit) if limit else None
        self._idle: dict[Origin, deque[tuple[float, Wire]]] = {}
        """With when each fell idle, the latest last."""
        self._open: set[Wire] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def enter(self, until: float) -> None:
        """Wait until one more connection may be in use; whoever entered must leave. Raises TimeoutError.

        ``until`` is a moment on the loop's clock, here and in what follows.
        """
        if self._room is None:
            return
        if not self._room.locked():
            await self._room.acquire()
            return
        async with asyncio.timeout_at(until):
            await self._room.acquire()

    def leave(self) -> None:
        """One connection less is in use."""
        if self._room is not None:
            self._room.release()

    def kept(self, target: Target) -> Wire | None:
        """A connection that served before and still stands, if there is one."""
        idle = self._idle.get(target.origin)
        latest = asyncio.get_running_loop().time() - self._idle_seconds
        while idle:
            since, wire = idle.pop()
            if since > latest and wire.still():
                return wire
            wire.close()
        return None

    async def new(self, target: Target, until: float) -> Wire:
        """A connection nobody has used. Raises as :meth:`souk.net.connecting.Connector.connect`."""
        wire = await self._connector.connect(target, until)
        if self._closed:
            wire.close()
            raise ConnectionError("the outbound network is closed")
        self._open.add(wire)
        wire.gone.add_done_callback(lambda _: self._open.discard(wire))
        return wire

    def give_back(self, target: Target, wire: Wire) -> None:
        """An exchange is over; the connection is kept if it can be."""
        if self._closed or not wire.reusable:
            wire.close()
            return
        loop = asyncio.get_running_loop()
        self._idle.setdefault(target.origin, deque()).append((loop.time(), wire))
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_seconds, self._close_idle)

    async def aclose(self) -> None:
        """Close every connection, those in use among them."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        await self._connector.aclose()
        ends = [wire.gone for wire in self._open]
        for wire in list(self._open):
            wire.close()
        if ends:
            await asyncio.wait(ends, timeout=CLOSE_SECONDS)

    def _close_idle(self) -> None:
        """Close what was not used for long; come again while something is kept."""
        loop = asyncio.get_running_loop()
        for origin, idle in list(self._idle.items()):
            while idle and (idle[0][0] <= loop.time() - self._idle_seconds or not idle[0][1].reusable):
                idle.popleft()[1].close()
            if not idle:
                del self._idle[origin]
        self._sweep = loop.call_later(self._idle_seconds / 3, self._close_idle) if self._idle else None
