"""The real write lane and readers on a simulated loop: what their threads do happens at a moment of its own."""

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from souk.store.lane import Lane
from souk.store.reads import Reads
from tests.simulation.database import SeenDatabase
from tests.simulation.loop import SimLoop, Strand


class LoopLane(Lane):
    """Takes what waits, some moments after the first of it came, as one transaction. Then whatever came meanwhile."""

    def __init__(
        self,
        database: SeenDatabase,
        name: str,
        loop: SimLoop,
        strand: Strand,
        committed: Callable[[int], None],
    ) -> None:
        super().__init__(database, name, sleep=lambda _: None)
        self._loop = loop
        self._strand = strand
        self._committed = committed
        """Told after each batch how many writes it had; what happens then, happens before anybody is answered."""
        self._weather = database.weather
        self._working = False
        self._left: list[list[Any]] = []
        """What was taken together and is to be carried out next."""
        self._waiting = _RingingQueue(self._woken)  # type: ignore[assignment] - what waits on it, waits on the loop here
        self._thread = _NoThread()  # type: ignore[assignment]

    def _woken(self) -> None:
        if not self._working:
            self._working = True
            self._loop.call_later(self._loop.moment(), self._work)

    def _work(self) -> None:
        away = self._weather.away_until - self._loop.time()
        if away > 0:
            self._loop.call_later(away + self._loop.moment(), self._work)
            return
        if not self._left:
            batch, _ = self._gathered()
            self._left = self._parts(batch)
        if self._left:
            part = self._left.pop(0)
            self._carry_out(part)
            self._committed(len(part))
        if self._left or not self._waiting.empty():
            self._loop.call_later(self._loop.moment(), self._work)
        else:
            self._working = False


class _RingingQueue(SimpleQueue[Any]):
    """What a lane's thread waits at, and a bell for whoever acts in its place."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._ring()


class _NoThread:
    def start(self) -> None: ...

    def is_alive(self) -> bool:
        return False


class LoopReads(Reads):
    """Reads a moment after it was asked, and answers another moment later."""

    def __init__(self, database: SeenDatabase, loop: SimLoop) -> None:
        super().__init__(database, 1)
        self._pool.shutdown()
        self._pool = _Inline(loop)  # type: ignore[assignment] - only these two calls of an executor are used


class _Inline:
    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def submit(self, call: Callable[..., Any], *args: Any) -> None:
        self._loop.call_later(self._loop.moment(), call, *args)

    def shutdown(self, *, wait: bool = True) -> None: ...
