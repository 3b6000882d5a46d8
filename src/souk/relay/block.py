"""What one key's chat draws on in this process, and the ticket a request gets for its part of it.

All of this is plain arithmetic in memory, because it happens once or twice for every request.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger("souk.relay")


@dataclass(slots=True)
class Waiting:
    """A request that waits until its key holds enough."""

    bound: int
    ticket: "asyncio.Future[Ticket]"


@dataclass(slots=True)
class Block:
    """The credits one key holds for chat. Stored blocks come and go behind it; requests notice nothing of that."""

    account_id: int
    mode: str
    key_id: int
    id: str = ""
    """The stored block; empty while there is none."""
    amount: int = 0
    """What the stored block holds."""
    spent: int = 0
    """What requests have cost since the stored block was opened."""
    reserved: int = 0
    """What running requests may still cost."""
    told: int = 0
    """How much of ``spent`` is stored."""
    opened_at: int = 0
    renewed_at: int = 0
    """When the lease was last renewed."""
    used_at: int = 0
    """When a request was last seen."""
    used: bool = False
    """A request was admitted since ``used_at`` was written."""
    earned: int = 0
    """What requests have cost since ``pace`` was computed."""
    pace: float = 0.0
    """Recent cost of requests, per second."""
    moving: bool = False
    """The stored block is being exchanged."""
    shut: bool = False
    """Nobody is admitted until that is done."""
    waiting: deque[Waiting] = field(default_factory=deque[Waiting])

    @property
    def owed(self) -> int:
        """What the stored block must cover at least."""
        return self.spent + self.reserved

    @property
    def free(self) -> int:
        return self.amount - self.spent - self.reserved

    def take(self, bound: int) -> bool:
        """Reserve this much for a request, if there is room for it."""
        if self.shut or self.spent + self.reserved + bound > self.amount:
            return False
        self.reserved += bound
        self.used = True
        return True

    def settle(self, bound: int, cost: int) -> None:
        """A request that had reserved ``bound`` has cost ``cost``."""
        self.reserved -= bound
        self.spent += cost
        self.earned += cost

    def exchanged(self, id: str, amount: int, spent: int, now: int) -> None:
        """The stored block was closed with ``spent``, and this one opened in its place."""
        self.id, self.amount = (id, amount) if amount else ("", 0)
        self.spent -= spent
        self.told = 0
        self.opened_at = self.renewed_at = now

    def serve(self) -> None:
        """Admit those that wait and now fit, in the order they came."""
        left: deque[Waiting] = deque()
        for each in self.waiting:
            if each.ticket.done():
                continue
            if self.take(each.bound):
                each.ticket.set_result(Ticket(self, each.bound))
            else:
                left.append(each)
        self.waiting = left

    def refuse(self, error: Callable[[int], Exception], at_least: int = 0) -> None:
        """Turn away those who wait for this much or more, each with the error made for its bound."""
        left: deque[Waiting] = deque()
        for each in self.waiting:
            if each.bound < at_least:
                left.append(each)
            elif not each.ticket.done():
                each.ticket.set_exception(error(each.bound))
        self.waiting = left


class Ticket:
    """Leave for one request to cost up to ``bound``. Settle it or cancel it; whatever comes second is passed over."""

    __slots__ = ("_block", "bound")

    def __init__(self, block: Block | None, bound: int) -> None:
        self._block = block
        self.bound = bound

    def settle(self, cost: int) -> None:
        """Charge what the request has cost, at most the bound."""
        block = self._block
        if block is None:
            return
        self._block = None
        if not 0 <= cost <= self.bound:
            log.warning(
                "a chat request cost more than it could; charged what was agreed",
                extra={"key": block.key_id, "cost": cost, "bound": self.bound},
            )
            cost = max(0, min(cost, self.bound))
        block.settle(self.bound, cost)

    def cancel(self) -> None:
        """Charge nothing."""
        if self._block is not None:
            self._block.settle(self.bound, 0)
            self._block = None
