"""A bell per task: whoever waits for a task hears of every step without asking the database."""

import asyncio
from collections import defaultdict
from types import TracebackType
from typing import Protocol, Self

from souk.words import TaskId


class Others(Protocol):
    """The other processes, in both directions."""

    def stepped(self, task_id: TaskId) -> None:
        """A task took a step here; somebody there may wait for it."""
        ...

    def listen(self) -> None:
        """Somebody here waits for a task that may be theirs."""
        ...


class Nobody:
    """For a process that is alone."""

    def stepped(self, task_id: TaskId) -> None: ...

    def listen(self) -> None: ...


class Bell:
    """Wakes waiters of a task. News from other processes can get lost; waiters look again by themselves."""

    def __init__(self, others: Others | None = None) -> None:
        self._waiting: defaultdict[TaskId, set[Waiter]] = defaultdict(set)
        self._others = others or Nobody()

    def ring(self, task_id: TaskId) -> None:
        """Tell whoever waits, here or in another process, that the task took a step."""
        self.heard(task_id)
        self._others.stepped(task_id)

    def heard(self, task_id: TaskId) -> None:
        """Tell whoever waits here."""
        for waiter in self._waiting.get(task_id, ()):
            waiter.hear()

    def heard_all(self) -> None:
        """Any task may have taken a step."""
        for task_id in list(self._waiting):
            self.heard(task_id)

    def waiter(self, task_id: TaskId) -> "Waiter":
        """Somebody who waits for a task's steps while the ``with`` block lasts. Enter it before the task is read."""
        return Waiter(task_id, self._waiting, self._others)


class Waiter:
    """Hears of every step of a task, also of one that comes while its news of the last is being looked at."""

    def __init__(self, task_id: TaskId, waiting: "defaultdict[TaskId, set[Waiter]]", others: Others) -> None:
        self._task_id = task_id
        self._waiting = waiting
        self._others = others
        self._heard = False
        self._over: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        self._waiting[self._task_id].add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        beside = self._waiting[self._task_id]
        beside.discard(self)
        if not beside:
            del self._waiting[self._task_id]

    def hear(self) -> None:
        """The task took a step."""
        self._heard = True
        self._settle()

    async def step(self, seconds: float) -> None:
        """Return when the task took a step since this was called last, or after so long."""
        self._others.listen()
        if not self._heard:
            loop = asyncio.get_running_loop()
            self._over = loop.create_future()
            timer = loop.call_later(seconds, self._settle)
            try:
                await self._over
            finally:
                timer.cancel()
        self._heard = False

    def _settle(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
