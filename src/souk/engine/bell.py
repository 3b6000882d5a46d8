"""A bell per task: whoever waits for a task in this process hears of every step without asking the database."""

import asyncio
import contextlib
from collections import defaultdict

from souk.words import TaskId


class Bell:
    """Wakes waiters of a task. Steps taken by other processes are not heard; waiters look again by themselves."""

    def __init__(self) -> None:
        self._waiting: defaultdict[TaskId, set[asyncio.Future[None]]] = defaultdict(set)

    def ring(self, task_id: TaskId) -> None:
        """Tell whoever waits that the task took a step."""
        for future in self._waiting.pop(task_id, ()):
            if not future.done():
                future.set_result(None)

    async def wait(self, task_id: TaskId, seconds: float) -> None:
        """Return at the task's next step, or after this long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[task_id]
        waiting.add(future)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(future, seconds)
        finally:
            # A caller who goes away is forgotten too: the bell of another process's task may never ring here.
            waiting.discard(future)
            if not waiting and self._waiting.get(task_id) is waiting:
                del self._waiting[task_id]
