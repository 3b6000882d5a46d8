"""The door of a connection: may a task be submitted there now, and what its answer says of the connection."""

from souk.engine.breaker import (
    FAILURES_TO_OPEN,
    LONGEST_PAUSE_SECONDS,
    OPENS_AT_ONCE,
    OPENS_IN_TIME,
    Act,
    Change,
    Health,
    may_be_asked,
    needs_trial,
)
from souk.engine.failure import Failure
from souk.engine.health import HealthBook
from souk.providers.base import Connection
from souk.store.connections import DAY_MS, ConnectionRow
from souk.words import CREDIT, FailKind

WORTH_TELLING_SECONDS = 2.0
"""A shorter pause is over before other processes hear of it."""
MOST_CHARACTERS = 300
"""How much of an error is kept."""


class Door:
    """One connection, as all tasks of this process come to it."""

    def __init__(self, connection: Connection, book: HealthBook, open_seconds: float) -> None:
        self._connection = connection
        self._book = book
        self._first_ms = int(open_seconds * 1000)
        """How long it stays shut for the first time; 0 = it never shuts by itself."""
        self._failures = 0
        """In a row, in this process."""
        self._trying = ""
        """The attempt that tries a connection which was shut."""

    def follow(self, connection: Connection) -> None:
        """The connection is like this from now on."""
        self._connection = connection

    async def shut(self, attempt: str = "") -> Failure | None:
        """Why no task may be submitted now, if so. The attempt that tries is let through."""
        row, now = await self._book.row(self._connection.name), self._book.clock.now()
        cap = self._connection.daily_cap
        if cap and row.spent_on(now) >= cap:
            until = (now // DAY_MS + 1) * DAY_MS
            reached = f"the daily cap of {cap / CREDIT:g} credits on the connection {row.name} is reached"
            return Failure(FailKind.QUOTA, reached, retry_after=(until - now) / 1000, shut=True)
        if may_be_asked(row, now) or (attempt and attempt == self._trying):
            return None
        return _shut(row, now)

    async def enter(self, attempt: str) -> Failure | None:
        """As :meth:`shut`, for a task about to be submitted: it may become the one that tries."""
        failure = await self.shut()
        row = self._book.known(self._connection.name)
        if failure or not needs_trial(row):
            return failure
        now = self._book.clock.now()
        if await self._book.tell(Change(row.name, Act.TRY, now)):
            self._trying = attempt
            return None
        return await self.shut() or _shut(row, now)

    async def leave(self, attempt: str) -> None:
        """The attempt is over. If it tried and there was no answer, another may try at once."""
        if self._trying == attempt:
            self._trying = ""
            await self._tell(Act.FREE)

    async def took(self, attempt: str, asked_at: int) -> None:
        """The upstream took the task that was submitted at this moment."""
        self._failures = 0
        self._forget(attempt)
        await self._tell(Act.CLOSE, asked_at=asked_at)

    async def refused(self, attempt: str, failure: Failure) -> None:
        """The upstream did not take it, or nobody knows."""
        if not self._first_ms:
            return
        named = self._book.clock.now() + int(min(failure.retry_after or 0, LONGEST_PAUSE_SECONDS) * 1000)
        error = f"{failure.kind}: {failure.message}"[:MOST_CHARACTERS]
        self._failures += failure.kind in OPENS_IN_TIME
        often = self._failures >= FAILURES_TO_OPEN or (self._trying == attempt)
        if failure.kind in OPENS_AT_ONCE or (failure.kind in OPENS_IN_TIME and often):
            self._failures = 0
            self._forget(attempt)
            await self._tell(Act.OPEN, until=named, error=error)
        elif (failure.retry_after or 0) > WORTH_TELLING_SECONDS:
            self._forget(attempt)
            await self._tell(Act.PAUSE, until=named, error=error)

    def _forget(self, attempt: str) -> None:
        if self._trying == attempt:
            self._trying = ""

    async def _tell(self, act: Act, *, until: int = 0, error: str = "", asked_at: int = 0) -> None:
        now = self._book.clock.now()
        await self._book.tell(Change(self._connection.name, act, now, self._first_ms, until, error, asked_at))


def _shut(row: ConnectionRow, now: int) -> Failure:
    kind, _, words = row.last_error.partition(": ")
    tried = "is being tried" if row.state == Health.TRIAL else "takes no tasks for the moment"
    known = FailKind(kind) if kind in set(FailKind) else FailKind.TRANSIENT
    told = f"the connection {row.name} {tried}" + (f": {words}" if words else "")
    return Failure(known, told, retry_after=max(0, row.until - now) / 1000, shut=True)
