"""A bell per task: whoever waits for a task hears of every step without asking the database."""

import asyncio
import contextlib
from collections import defaultdict
from typing import Protocol

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
        self._waiting: defaultdict[TaskId, set[asyncio.Future[None]]] = defaultdict(set)
        self._others = others or Nobody()

    def ring(self, task_id: TaskId) -> None:
        """Tell whoever waits, here or in another process, that the task took a step."""
        self.heard(task_id)
        self._others.stepped(task_id)

    def heard(self, task_id: TaskId) -> None:
        """Tell whoever waits here."""
        for future in self._waiting.pop(task_id, ()):
            if not future.done():
                future.set_result(None)

    def heard_all(self) -> None:
        """Any task may have taken a step."""
        for task_id in list(self._waiting):
            self.heard(task_id)

    async def wait(self, task_id: TaskId, seconds: float) -> None:
        """Return at the task's next step, or after this long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[task_id]
        waiting.add(future)
        self._others.listen()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(future, seconds)
        finally:
            # A caller who goes away is forgotten too: the bell of another process's task may never ring here.
            waiting.discard(future)
            if not waiting and self._waiting.get(task_id) is waiting:
                del self._waiting[task_id]
