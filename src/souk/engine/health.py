"""The health of the connections, as this process knows it: the database has the truth, looked at now and then.

Written only when it changes, so that a connection that takes its tasks costs nothing. Whoever waits for a connection to
take tasks again waits here, beside everyone else, and not at the database.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import msgspec

from souk.clock import Clock
from souk.engine.breaker import Change, after
from souk.store import connections
from souk.store.connections import DAY_MS, ConnectionRow
from souk.store.database import Connection, DatabaseError
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads

log = logging.getLogger("souk.engine")

LOOK_SECONDS = 1.0
"""What other processes found out is known here after this long."""


class Outcome(msgspec.Struct, frozen=True):
    """A connection after a change, and whether it was this change that made it so."""

    row: ConnectionRow
    moved: bool


def _carry_out(connection: Connection, changes: Sequence[Change]) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    # By name, so that every process locks rows the same way round.
    for index, change in sorted(enumerate(changes), key=lambda pair: pair[1].name):
        row = connections.locked(connection, change.name)
        new = after(row, change)
        if new is not row:
            connections.store(connection, new)
        outcomes[index] = Outcome(new, new is not row)
    return [outcomes[index] for index in range(len(changes))]


CHANGE: Kind[Change, Outcome] = Kind("connection", 50, _carry_out, alone=True)


class HealthBook:
    """What is known of every connection."""

    def __init__(self, clock: Clock, lane: Lane, reads: Reads) -> None:
        self.clock = clock
        self._lane = lane
        self._reads = reads
        self._rows: dict[str, ConnectionRow] = {}
        self._looked_at = float("-inf")
        self._look: asyncio.Task[None] | None = None
        self._told = 0
        self._news: asyncio.Future[None] | None = None
        self.version = 0
        """Grows with all that :meth:`changed` tells of."""
        self._waiting = 0
        self._watch: asyncio.Task[None] | None = None

    async def row(self, name: str) -> ConnectionRow:
        """How a connection stands, as of a second ago at most."""
        if self.clock.monotonic() - self._looked_at >= LOOK_SECONDS:
            await self._look_again()
        return self.known(name)

    def known(self, name: str) -> ConnectionRow:
        """How a connection stands, as last heard."""
        return self._rows.get(name) or ConnectionRow(name)

    async def tell(self, change: Change) -> bool:
        """Write what happened to a connection; False if that changes nothing."""
        known = self.known(change.name)
        if after(known, change) is known:
            return False
        outcome = await self._lane.write(CHANGE, change)
        self._told += 1
        self._rows = {**self._rows, change.name: outcome.row}
        self.ring()
        if outcome.moved:
            told = {"connection": change.name, "health": outcome.row.state, "reason": outcome.row.last_error}
            log.warning("connection health changed", extra=told)
        return outcome.moved

    async def changed(self, version: int) -> None:
        """Return when some connection may take tasks again, or has ceased to, since this version."""
        if self.version != version:
            return
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_looking(), name="souk-health")
        self._waiting += 1
        try:
            await asyncio.shield(self._news)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        for task in (self._watch, self._look):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, DatabaseError):
                    await task

    def ring(self) -> None:
        """Have those who wait look again."""
        self.version += 1
        if self._news is not None:
            self._news.set_result(None)
            self._news = None

    async def _look_again(self) -> None:
        """One look for all who ask for it at once."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._read())
        await asyncio.shield(self._look)

    async def _read(self) -> None:
        at, told = self.clock.monotonic(), self._told
        rows = await self._reads.run(connections.every)
        # What this process wrote meanwhile may be newer than what it read.
        if self._told == told:
            self._rows, self._looked_at = rows, at

    async def _keep_looking(self) -> None:
        """While somebody waits: hear what other processes found out, and when a time is over."""
        seen = self.clock.now()
        while self._waiting:
            before = self._standing()
            await self.clock.sleep(LOOK_SECONDS)
            try:
                await self._look_again()
            except DatabaseError as error:
                log.warning("connection health not read", extra={"reason": str(error)})
                continue
            now = self.clock.now()
            due = any(seen < row.until <= now for row in self._rows.values())
            if due or now // DAY_MS != seen // DAY_MS or self._standing() != before:
                self.ring()
            seen = now

    def _standing(self) -> dict[str, tuple[str, int]]:
        return {name: (row.state, row.until) for name, row in self._rows.items()}
