"""The clock of a simulated process: the loop's time, and a wall clock that may be wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

from souk.words import Millis

EPOCH = 1_772_100_021_000
"""The moment every simulation begins at."""


class SimClock:
    """A process's own idea of the time; ``ahead`` is how far its wall clock is off, in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ahead = 0.0

    def now(self) -> Millis:
        return Millis(EPOCH + int((self._loop.time() + self.ahead) * 1000))

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        return self._loop.call_later(seconds, call)
