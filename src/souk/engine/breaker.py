"""The circuit breaker of a connection: when it is left alone, for how long, and who tries it first. No clock, no store.

Open means that nobody submits. When its time is over one task may try; others wait for what comes of it.
"""

from enum import StrEnum
from typing import Final

import msgspec

from souk.store.connections import ConnectionRow
from souk.words import FailKind

MOST_OPEN_SECONDS: Final = 600.0
LONGEST_PAUSE_SECONDS: Final = 3600.0
"""A longer Retry-After is not waited for: the upstream may have let go before, and one task finds out."""
TRIAL_SECONDS: Final = 120.0
"""Without a word from the one that tries, another may after this long: its process may be gone."""
FAILURES_TO_OPEN: Final = 5
"""In a row, of those that may be nothing but bad luck."""
MOST_DOUBLINGS: Final = 10

OPENS_AT_ONCE: Final = frozenset({FailKind.AUTH, FailKind.QUOTA})
"""Refusals that every task would get."""
OPENS_IN_TIME: Final = frozenset({FailKind.TRANSIENT, FailKind.UNCLEAR})


class Health(StrEnum):
    """How a connection stands."""

    OK = "ok"
    PAUSED = "paused"
    """It named a time to come again."""
    OPEN = "open"
    TRIAL = "trial"
    """Open, and one task is trying."""


class Act(StrEnum):
    """What happened to a connection."""

    OPEN = "open"
    """It refuses what every task needs, or failed too often."""
    PAUSE = "pause"
    TRY = "try"
    """A task wants to be the one that tries."""
    FREE = "free"
    """The one that tried came away without an answer."""
    CLOSE = "close"
    """It took a task."""


class Change(msgspec.Struct, frozen=True):
    """Something that happened to a connection, at a moment."""

    name: str
    act: Act
    at: int
    first_ms: int = 0
    """How long it opens for the first time."""
    until: int = 0
    """The time it named, for OPEN and PAUSE."""
    error: str = ""
    asked_at: int = 0
    """When the task was submitted that was taken, for CLOSE."""


def after(row: ConnectionRow, change: Change) -> ConnectionRow:
    """The connection after a change; the same object if that changes nothing."""
    return _AFTER[change.act](row, change)


def may_be_asked(row: ConnectionRow, now: int) -> bool:
    """Whether a task may be submitted, be it as the one that tries."""
    return row.until <= now


def needs_trial(row: ConnectionRow) -> bool:
    return row.state in (Health.OPEN, Health.TRIAL)


def _opened(row: ConnectionRow, change: Change) -> ConnectionRow:
    # Those that were on their way when it opened say nothing new.
    if row.state == Health.OPEN and change.at < row.until:
        return row
    grown = change.first_ms * 2 ** min(row.failures, MOST_DOUBLINGS)
    until = max(change.at + min(grown, int(MOST_OPEN_SECONDS * 1000)), _named(change))
    return msgspec.structs.replace(
        row,
        state=Health.OPEN.value,
        failures=row.failures + 1,
        until=until,
        last_error=change.error,
        last_error_at=change.at,
    )


def _paused(row: ConnectionRow, change: Change) -> ConnectionRow:
    until = _named(change)
    if until <= row.until and row.state != Health.TRIAL:
        return row
    state = Health.OPEN if needs_trial(row) else Health.PAUSED
    return msgspec.structs.replace(
        row, state=state.value, until=until, last_error=change.error, last_error_at=change.at
    )


def _tried(row: ConnectionRow, change: Change) -> ConnectionRow:
    if not needs_trial(row) or not may_be_asked(row, change.at):
        return row
    until = change.at + int(TRIAL_SECONDS * 1000)
    return msgspec.structs.replace(row, state=Health.TRIAL.value, until=until)


def _freed(row: ConnectionRow, change: Change) -> ConnectionRow:
    if row.state != Health.TRIAL:
        return row
    return msgspec.structs.replace(row, state=Health.OPEN.value, until=change.at)


def _closed(row: ConnectionRow, change: Change) -> ConnectionRow:
    # What was submitted before it opened, and taken, says nothing of now.
    if not needs_trial(row) or change.asked_at < row.last_error_at:
        return row
    return msgspec.structs.replace(row, state=Health.OK.value, failures=0, until=0)


def _named(change: Change) -> int:
    """The time the upstream named, if it is not too far off."""
    return min(change.until, change.at + int(LONGEST_PAUSE_SECONDS * 1000))


_AFTER = {
    Act.OPEN: _opened,
    Act.PAUSE: _paused,
    Act.TRY: _tried,
    Act.FREE: _freed,
    Act.CLOSE: _closed,
}
