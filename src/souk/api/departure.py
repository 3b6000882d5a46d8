"""Noticing that a client has gone while its answer is still being made."""

import asyncio
from types import TracebackType
from typing import Final

from starlette.types import Receive

from souk.api.body import Disconnected

BEGIN_SECONDS: Final = 0.05
"""Answers that come faster need no watch, which costs more than much of the rest of a request."""


class WhileThere:
    """Runs a block; cancels it when the client goes away, and raises Disconnected in its place.

    The request's body must have been read.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        work = asyncio.current_task()
        assert work is not None  # noqa: S101 - a coroutine runs in a task
        self._work = work
        self._soon = asyncio.get_running_loop().call_later(BEGIN_SECONDS, self._begin)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._soon.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if kind is asyncio.CancelledError and self._gone and self._work.uncancel() == 0:
            raise Disconnected from None

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._work.cancel()
