"""How many chat requests an account may make in ten seconds, over all processes.

A process draws requests from the account's window in advance: about as many as it answered in the last second. Letting
one in is then a subtraction, and the database hears of an account about once a second. All processes together never let
in more than the limit; what one has drawn and not used when the window ends is lost, and that is a second's worth.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from souk.clock import Clock
from souk.operations.types import Caller, Reason, Refusal
from souk.store import rates
from souk.store.database import Connection
from souk.store.lane import Kind, Lane
from souk.store.rates import RateRow

WINDOW_MS = 10_000
PACE_MS = 1_000
"""What an account did in this time is what it is expected to do in the same time again."""
GREED = 2
"""A process takes no more than this part of what is left, unless as many wait."""
MOST_ACCOUNTS = 10_000
"""Accounts remembered at once; past it those at rest are forgotten."""


class Draw(msgspec.Struct, frozen=True):
    """Ask for room in an account's window."""

    account_id: int
    now: int
    most: int
    need: int
    ask: int


class Drawn(msgspec.Struct, frozen=True):
    given: int
    ends: int
    """When the next window may begin."""


def _draw(connection: Connection, draws: Sequence[Draw]) -> list[Drawn]:
    rows = rates.locked(connection, (draw.account_id for draw in draws))
    drawn = [_from(rows[draw.account_id], draw) for draw in draws]
    rates.store(connection, rows.values())
    return drawn


def _from(row: RateRow, draw: Draw) -> Drawn:
    # Machines' clocks differ: a window that a faster one began is the current one.
    if not row.started - WINDOW_MS < draw.now < row.started + WINDOW_MS:
        row.started, row.taken = draw.now, 0
    left = max(0, draw.most - row.taken)
    given = min(left, max(draw.need, min(draw.ask, left // GREED)))
    row.taken += given
    return Drawn(given, row.started + WINDOW_MS)


DRAW: Kind[Draw, Drawn] = Kind("rate", 9, _draw)


class _Share:
    """What this process has drawn for one account."""

    def __init__(self) -> None:
        self.left = 0
        self.ends = 0
        self.dry = False
        """There is no more until the window ends."""
        self.waiting = 0
        self.drawing: asyncio.Task[None] | None = None
        self.pace = 0
        """Requests let in during the second before the last draw."""
        self.let_in = 0
        self.since = 0

    def turn(self, now: int) -> None:
        """Let go of what was drawn in a window that has ended."""
        if now >= self.ends or now < self.ends - 2 * WINDOW_MS:
            self.left, self.ends, self.dry = 0, 0, False

    def expected(self, now: int) -> int:
        """How many requests the next second may bring; twice as many as lately, while they come ever faster."""
        if now - self.since >= PACE_MS:
            self.pace = self.let_in * PACE_MS // (now - self.since)
            self.let_in, self.since = 0, now
            return self.pace
        return max(self.pace, 2 * self.let_in)


def _seen(draw: "asyncio.Task[None]") -> None:
    """Look at an error nobody may be left to hear of."""
    if not draw.cancelled():
        draw.exception()


class Rate:
    """Counts the chat requests of accounts."""

    def __init__(self, clock: Clock, most: int, lane: Lane | None) -> None:
        """``most`` requests in ten seconds, 0 is no limit; ``lane`` is None for a process that is alone."""
        self._clock = clock
        self._most = most
        self._lane = lane
        self._shares: dict[int, _Share] = {}

    async def count(self, caller: Caller) -> None:
        """Count a request. Does not suspend while there is room that was drawn before.

        Raises Refusal, saying when the next is welcome.
        """
        if not self._most:
            return
        share = self._share(caller.account_id)
        while True:
            now = self._clock.now()
            share.turn(now)
            if share.left > 0:
                share.left -= 1
                share.let_in += 1
                return
            if share.dry:
                raise self._refusal(share.ends - now)
            await self._more(caller.account_id, share)

    def _refusal(self, ms: int) -> Refusal:
        return Refusal(
            Reason.RATE_LIMITED,
            f"more than {self._most} chat requests in {WINDOW_MS / 1000:g} seconds; try again later",
            retry_after=ms / 1000,
        )

    async def _more(self, account_id: int, share: _Share) -> None:
        """Draw for everybody who waits."""
        share.waiting += 1
        try:
            if share.drawing is None:
                share.drawing = asyncio.create_task(self._draw(account_id, share))
                share.drawing.add_done_callback(_seen)
            # One who goes away must not take the answer from the others.
            await asyncio.shield(share.drawing)
        finally:
            share.waiting -= 1

    async def _draw(self, account_id: int, share: _Share) -> None:
        try:
            now = self._clock.now()
            if self._lane is None:
                drawn = Drawn(0, share.ends) if share.ends else Drawn(self._most, now + WINDOW_MS)
            else:
                need = max(1, share.waiting)
                asked = Draw(account_id, now, self._most, need, share.expected(now))
                drawn = await self._lane.write(DRAW, asked)
            share.left, share.ends, share.dry = drawn.given, drawn.ends, drawn.given == 0
        finally:
            share.drawing = None

    def _share(self, account_id: int) -> _Share:
        share = self._shares.get(account_id)
        if share is None:
            if len(self._shares) >= MOST_ACCOUNTS:
                self._forget()
            share = self._shares[account_id] = _Share()
        return share

    def _forget(self) -> None:
        now = self._clock.now()
        self._shares = {
            account: share
            for account, share in self._shares.items()
            if share.ends > now or share.drawing is not None
        }
