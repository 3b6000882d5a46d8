"""Connections as all processes know them: whether they take tasks, what they said last, what was spent on them."""

from collections.abc import Iterable, Mapping

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json

DAY_MS = 86_400_000


class ConnectionRow(msgspec.Struct, frozen=True):
    """One row, fields in column order. A connection without one is as the defaults say."""

    name: str
    state: str = "ok"
    failures: int = 0
    until: int = 0
    last_error: str = ""
    last_error_at: int = 0
    spent_day: int = 0
    spent: int = 0

    def spent_on(self, now: int) -> int:
        """Credits spent on the UTC day of this moment."""
        return self.spent if self.spent_day == now // DAY_MS else 0


class Spending(msgspec.Struct, frozen=True):
    """Credits that a day's tasks or chats cost on a connection."""

    name: str
    day: int
    amount: int


_COLUMNS = ", ".join(ConnectionRow.__struct_fields__)
_ALL = Statement(f"SELECT {_COLUMNS} FROM connections")  # noqa: S608 - constant columns
_ENTER = Statement("INSERT INTO connections (name) VALUES (:name) ON CONFLICT (name) DO NOTHING")
_LOCK = Statement(f"SELECT {_COLUMNS} FROM connections WHERE name = :name {{for_update}}")  # noqa: S608 - constant columns
_STORE = Statement(
    "UPDATE connections SET state = :state, failures = :failures, until = :until, last_error = :last_error, "
    "last_error_at = :last_error_at WHERE name = :name"
)
_SPEND = Statement(
    "INSERT INTO connections (name, spent_day, spent) "
    "SELECT name, day, amount FROM {rows:new(name text, day bigint, amount bigint)} WHERE true ORDER BY name "
    # A task that ended before midnight may be written after one that ended later.
    "ON CONFLICT (name) DO UPDATE SET "
    "spent = CASE WHEN connections.spent_day >= excluded.spent_day THEN connections.spent + excluded.spent "
    "ELSE excluded.spent END, "
    "spent_day = CASE WHEN connections.spent_day >= excluded.spent_day THEN connections.spent_day "
    "ELSE excluded.spent_day END"
)


def every(connection: Connection) -> dict[str, ConnectionRow]:
    """All rows, by name."""
    return {row[0]: ConnectionRow(*row) for row in connection.run(_ALL)}


def locked(connection: Connection, name: str) -> ConnectionRow:
    """One row, which no other process changes until the commit."""
    connection.run(_ENTER, {"name": name})
    return ConnectionRow(*connection.run(_LOCK, {"name": name})[0])


def store(connection: Connection, row: ConnectionRow) -> None:
    """Write a row's health; its spending is left alone."""
    connection.run(
        _STORE, {key: value for key, value in msgspec.structs.asdict(row).items() if "spent" not in key}
    )


def spend(connection: Connection, spendings: Iterable[Spending]) -> None:
    """Add to what was spent."""
    totals: dict[tuple[str, int], int] = {}
    for item in spendings:
        totals[item.name, item.day] = totals.get((item.name, item.day), 0) + item.amount
    # A statement must not touch a row twice, and days may meet in one batch.
    for day in sorted({day for _, day in totals}):
        rows: list[Mapping[str, object]] = [
            {"name": name, "day": on, "amount": amount} for (name, on), amount in totals.items() if on == day
        ]
        connection.run(_SPEND, {"new": rows_json(rows)})
