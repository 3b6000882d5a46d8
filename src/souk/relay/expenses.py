"""What chat costs the operator's connections: added up in memory, written down every second, held to their daily caps.

A connection at its daily cap takes no more requests. Other processes know of it within two seconds; what runs goes on.
A process that is killed forgets what its chats have cost since it last wrote, as it does for their users.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from souk.clock import Clock
from souk.providers.base import Connection
from souk.store import connections
from souk.store.connections import DAY_MS, ConnectionRow, Spending
from souk.store.database import Connection as Database
from souk.store.database import DatabaseError
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads

log = logging.getLogger("souk.relay")

LOOK_SECONDS: Final = 1.0
"""How old what is known of others' spending may be while requests come."""

_Rows = dict[str, ConnectionRow]


def _spend(database: Database, sets: Sequence[Sequence[Spending]]) -> list[_Rows]:
    connections.spend(database, [spending for each in sets for spending in each])
    rows = connections.every(database)
    return [rows for _ in sets]


# Alone: ends of tasks lock rows of connections too, and balances before them.
SPEND: Kind[Sequence[Spending], _Rows] = Kind("chat.spend", 51, _spend, alone=True)


class Expenses:
    """What this process knows of what connections have cost today."""

    def __init__(self, lane: Lane, reads: Reads, clock: Clock) -> None:
        self._lane = lane
        self._reads = reads
        self._clock = clock
        self._rows: _Rows = {}
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._unwritten: dict[tuple[str, int], int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._writes = 0

    def add(self, connection: str, cost: int) -> None:
        """A request has cost this much there."""
        if cost:
            place = (connection, self._clock.now() // DAY_MS)
            self._unwritten[place] = self._unwritten.get(place, 0) + cost

    async def capped(self, connection: Connection) -> float:
        """Seconds until a connection takes requests again because its daily cap is reached; 0 = it takes them."""
        if not connection.daily_cap:
            return 0.0
        if self._clock.monotonic() - self._looked_at >= LOOK_SECONDS:
            await self._look()
        now = self._clock.now()
        day = now // DAY_MS
        row = self._rows.get(connection.name) or ConnectionRow(connection.name)
        spent = row.spent_on(now) + self._unwritten.get((connection.name, day), 0)
        return ((day + 1) * DAY_MS - now) / 1000 if spent >= connection.daily_cap else 0.0

    async def flush(self) -> None:
        """Write down what was spent since the last time. What cannot be written is kept for the next time.

        Whoever is cancelled here leaves the writing to itself: what is on its way must not be written once more.
        """
        if self._writing is None and self._unwritten:
            self._writing = asyncio.create_task(self._write())
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Write down the rest. Raises DatabaseError."""
        await self.flush()  # one that was under way
        await self.flush()

    async def _write(self) -> None:
        due, self._unwritten = self._unwritten, {}
        try:
            rows = await self._lane.write(SPEND, [Spending(*place, amount) for place, amount in due.items()])
        except Exception:
            for place, amount in due.items():
                self._unwritten[place] = self._unwritten.get(place, 0) + amount
            raise
        finally:
            self._writing = None
        self._writes += 1
        self._rows, self._looked_at = rows, self._clock.monotonic()

    async def _look(self) -> None:
        async with self._looking:
            at, writes = self._clock.monotonic(), self._writes
            if at - self._looked_at < LOOK_SECONDS:
                return  # somebody else has looked
            try:
                rows = await self._reads.run(connections.every)
            except DatabaseError as error:
                log.warning("what connections have cost is not known anew", extra={"reason": str(error)})
                rows = self._rows
            # What this process wrote meanwhile is newer than what it read.
            if self._writes == writes:
                self._rows, self._looked_at = rows, at
