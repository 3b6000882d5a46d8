"""One receiver's lane: a few deliveries at a time of its own, so that a dead receiver delays no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from souk.store.outbox import END, OutboxRow

AT_ONCE = 4
"""Messages being sent to one receiver."""
IN_HAND = 2 * AT_ONCE
"""Rows leased for one receiver: some are prepared or noted in the store while others are sent."""
IN_HAND_IN_TROUBLE = 1
"""The same, while its last try failed."""

Claim = Callable[[str, int], asyncio.Future[Sequence[OutboxRow]]]
"""Leases up to so many due rows of an endpoint; none when the store cannot say. It is asked for them at once, and never
raises."""
Deliver = Callable[[OutboxRow, asyncio.Semaphore], Awaitable[bool]]
"""Delivers a row, sending it while it holds the semaphore; True if the receiver is in trouble. Never raises."""


class EndpointLane:
    """Sends what is due for one endpoint until nothing is. The outbox worker kicks it, runs it and throws it away."""

    def __init__(self, endpoint: str, claim: Claim, deliver: Deliver, *, in_trouble: bool = False) -> None:
        self.endpoint = endpoint
        self.in_trouble = in_trouble
        self._claim = claim
        self._deliver = deliver
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._in_hand: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._more = False
        self._asked: asyncio.Future[Sequence[OutboxRow]] | None = None
        """A claim on its way."""
        self._asked_for = 0
        self._closing = False

    def kick(self) -> None:
        """More may be due, by now or when what waits to be written is: the claim goes right behind that."""
        self._more = True
        self._ask()
        self._changed.set()

    def close(self) -> None:
        """Claim nothing more; :meth:`run` ends with the last delivery under way."""
        self._closing = True
        self._changed.set()

    async def run(self) -> None:
        """Deliver until nothing is due. Cancelling it cancels what is being sent."""
        try:
            while self._in_hand or self._asked or (self._more and not self._closing):
                self._changed.clear()
                await self._fill()
                if self._in_hand:
                    await self._changed.wait()
        finally:
            for task in (*self._in_hand, self._asked):
                if task is not None:
                    task.cancel()

    def _ask(self) -> None:
        free = (IN_HAND_IN_TROUBLE if self.in_trouble else IN_HAND) - len(self._in_hand)
        if self._asked is not None or not self._more or self._closing or free <= 0:
            return
        self._more = False
        self._asked_for = free
        self._asked = self._claim(self.endpoint, free)

    async def _fill(self) -> None:
        self._ask()
        if self._asked is None:
            return
        rows = await self._asked
        self._asked = None
        if len(rows) == self._asked_for:
            self._more = True
        for row in rows:
            task = asyncio.create_task(self._send(row))
            self._in_hand.add(task)
            task.add_done_callback(self._done)

    async def _send(self, row: OutboxRow) -> None:
        self.in_trouble = await self._deliver(row, self._turns)
        if row.stage != END:  # what waited behind this row may be due now
            self._more = True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._changed.set()
