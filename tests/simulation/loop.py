"""An event loop with a time of its own: nothing sleeps, and what several processes do is interleaved by a seed.

Every simulated process is a :class:`Strand`. Its callbacks run in the order asyncio promises; whose turn it is, chance
decides. A strand can be stopped between any two callbacks, for a while or for ever. Time stands still while anybody
has something to do and then jumps to the next timer.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

MOST_TURNS = 3_000_000
"""A simulation that takes more goes round in circles."""
MOST_IN_A_ROW = 8
"""Callbacks of one strand that run before chance decides anew."""


class Strand:
    """What one process has to do, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[Event] = deque()
        self.listed = False
        """Whether the loop knows that it has something to do."""
        self.paused = False
        self.dead = False
        """Paused for ever."""
        self.crossed_at = 0.0
        """When the last call from one of its other threads arrives: such calls do not overtake each other."""

    @property
    def stopped(self) -> bool:
        return self.paused or self.dead


STRAND: ContextVar[Strand] = ContextVar("strand")


class Event:
    """A callback that is due, now or later: what asyncio calls a handle."""

    __slots__ = ("_when", "args", "callback", "cancelled_", "context", "strand")

    def __init__(
        self,
        when: float,
        callback: Callable[..., Any],
        args: tuple[Any, ...],
        context: Context,
        strand: Strand,
    ) -> None:
        self._when = when
        self.callback = callback
        self.args = args
        self.context = context
        self.strand = strand
        self.cancelled_ = False

    def cancel(self) -> None:
        self.cancelled_ = True
        self.callback, self.args = _nothing, ()

    def cancelled(self) -> bool:
        return self.cancelled_

    def when(self) -> float:
        return self._when


def _nothing() -> None: ...


class _Numbered:
    """What asyncio keeps in sets: hashed by order of birth, so that the order of a set follows from the seed."""

    _number: int

    def __hash__(self) -> int:
        return self._number


class SimFuture(_Numbered, asyncio.Future[Any]):
    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self._number = number
        super().__init__(loop=loop)


class SimTask(_Numbered, asyncio.Task[Any]):
    def __init__(self, number: int, strand: Strand, coro: Any, **told: Any) -> None:
        self._number = number
        self.strand = strand
        super().__init__(coro, **told)


class SimLoop(asyncio.AbstractEventLoop):
    """Runs callbacks until told otherwise. Executors run what they get inline and answer a little later."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._now = 0.0
        self._timers: list[tuple[float, int, Event]] = []
        self._busy: list[Strand] = []
        self._numbers = 0
        self.outside = Strand("outside")
        """What is no process of Souk's: upstreams, receivers, clients, fate."""
        self.tasks: set[SimTask] = set()
        self.complaints: list[str] = []
        """What asyncio had to say about errors nobody heard of."""

    # --- time and order --------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until this is done. Its answer."""
        asyncio._set_running_loop(self)
        try:
            done = self.create_task(main)
            for _ in range(MOST_TURNS):
                self._turn()
                if done.done():
                    return done.result()
            raise RuntimeError("everybody is busy, and there is no end in sight")
        finally:
            asyncio._set_running_loop(None)

    def bury(self, most_turns: int = 200_000) -> list[str]:
        """Cancel all that is left, so that nothing is collected while it waits; the names of what would not end."""
        asyncio._set_running_loop(self)
        try:
            strands = {task.strand: None for task in sorted(self.tasks, key=hash)}
            for strand in strands:
                strand.dead = False
                self.resume(strand)
            for _ in range(3):
                for task in sorted(self.tasks, key=hash):
                    task.cancel()
                for _ in range(most_turns):
                    if not self.tasks or not (self._busy or self._timers):
                        break
                    self._turn()
            return [repr(task) for task in self.tasks]
        finally:
            asyncio._set_running_loop(None)

    def pause(self, strand: Strand) -> None:
        """Stop a strand where it stands. What comes in waits."""
        strand.paused = True

    def resume(self, strand: Strand) -> None:
        strand.paused = False
        if strand.ready and not strand.dead:
            self._list(strand)

    def kill(self, strand: Strand) -> None:
        """End a strand where it stands: nothing of it runs again, not even what would clean up.

        Its tasks are kept all the same, because Python runs the ``finally`` of what it collects.
        """
        strand.dead = True

    def _turn(self) -> None:
        if not self._busy:
            self._advance()
            return
        place = int(self._chance.random() * len(self._busy))
        strand = self._busy[place]
        ready = strand.ready
        for _ in range(1 + int(self._chance.random() * MOST_IN_A_ROW)):
            if not ready or strand.stopped:
                break
            event = ready.popleft()
            if not event.cancelled_:
                try:
                    event.context.run(event.callback, *event.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - as any event loop does
                    self.complaints.append(f"{strand.name}: callback raised {error!r}")
        if not ready or strand.stopped:
            strand.listed = False
            self._busy.remove(strand)

    def _advance(self) -> None:
        if not self._timers:
            raise RuntimeError("nothing is left to do, and somebody still waits")
        when, _, event = heapq.heappop(self._timers)
        if event.cancelled_:
            return
        self._now = max(self._now, when)
        self._enqueue(event)
        while self._timers and self._timers[0][0] <= self._now:
            self._enqueue(heapq.heappop(self._timers)[2])

    def _enqueue(self, event: Event) -> None:
        strand = event.strand
        strand.ready.append(event)
        if not strand.stopped:
            self._list(strand)

    def _list(self, strand: Strand) -> None:
        if not strand.listed:
            strand.listed = True
            self._busy.append(strand)

    # --- what asyncio asks of a loop ---------------------------------------------------------------

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        context = context if context is not None else copy_context()
        event = Event(self._now, callback, args, context, context.get(STRAND, self.outside))
        self._enqueue(event)
        return event

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        context = context if context is not None else copy_context()
        event = Event(when, callback, args, context, context.get(STRAND, self.outside))
        self._numbers += 1
        heapq.heappush(self._timers, (when, self._numbers, event))
        return event

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_outside(self, delay: float, callback: Callable[..., Any], *args: Any) -> Event:
        """Call as the world does, whatever becomes of the process that asks for it."""
        context = copy_context()
        context.run(STRAND.set, self.outside)
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        """A call from another thread of the same process takes a moment to get here."""
        strand = STRAND.get(self.outside)
        strand.crossed_at = max(strand.crossed_at, self._now + self.moment())
        return self.call_at(strand.crossed_at, callback, *args, context=context)

    def moment(self) -> float:
        """How long something small takes: mostly about a millisecond, now and then a second."""
        chance = self._chance.random()
        return 0.0002 / (1.0002 - chance)

    def create_future(self) -> Any:
        self._numbers += 1
        return SimFuture(self._numbers, self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        context = context if context is not None else copy_context()
        self._numbers += 1
        strand = context.get(STRAND, self.outside)
        task = SimTask(self._numbers, strand, coro, loop=self, name=name, context=context)
        self.tasks.add(task)
        task.add_done_callback(self._forget, context=context)
        return task

    def _forget(self, task: Any) -> None:
        self.tasks.discard(task)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = self.create_future()
        try:
            answer, error = func(*args), None
        except Exception as raised:  # noqa: BLE001 - it belongs to whoever waits
            answer, error = None, raised
        self.call_later(self.moment(), _settle, future, answer, error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


def _settle(future: "asyncio.Future[Any]", answer: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(answer)
