"""Slots: how many tasks a connection runs at once, given out in turn among the accounts that wait."""

import asyncio
from collections import OrderedDict, deque


class Slots:
    """A fair semaphore. ``limit`` 0 means no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def used(self) -> int:
        return self._used

    def resize(self, limit: int) -> None:
        """Let this many run at once from now on; what runs already is not interrupted."""
        self._limit = limit
        self._give_out()

    def take(self) -> None:
        """Count a task that already runs upstream, whatever the limit."""
        self._used += 1

    def taken_at_once(self) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        free = not self._limit or (self._used < self._limit and not self._waiting)
        self._used += free
        return free

    async def acquire(self, account_id: int) -> None:
        """Wait for a slot; accounts take turns."""
        if self.taken_at_once():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back, to the account whose turn it is."""
        self._used -= 1
        self._give_out()

    def _give_out(self) -> None:
        while self._waiting and (not self._limit or self._used < self._limit):
            account_id, queue = next(iter(self._waiting.items()))
            future = queue.popleft()
            if queue:
                self._waiting.move_to_end(account_id)
            else:
                del self._waiting[account_id]
            if not future.done():
                self._used += 1
                future.set_result(None)
