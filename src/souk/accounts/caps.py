"""Spending caps of a key: per UTC hour, per UTC day and in all. Holds count, and what is returned is given back."""

from collections.abc import Iterable, Sequence

import msgspec

from souk.accounts.ledger import Closing
from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import Millis

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NO_CAP = 2**62
"""Credits beyond what any balance can hold."""


class KeySpend(msgspec.Struct):
    """The locked caps and counters of one key, while a batch decides."""

    id: int
    cap_hourly: int | None
    cap_daily: int | None
    cap_total: int | None
    hour: int
    hour_spent: int
    day: int
    day_spent: int
    total_spent: int
    touched: bool = False

    def turn(self, now: Millis) -> None:
        """Start the counters of a new hour or day, never of an earlier one: what is late counts as now."""
        if self.hour < now // HOUR_MS:
            self.hour, self.hour_spent = now // HOUR_MS, 0
        if self.day < now // DAY_MS:
            self.day, self.day_spent = now // DAY_MS, 0

    def reached(self, amount: int) -> str | None:
        """Which cap this amount would exceed, if any."""
        for name, cap, spent in (
            ("hourly", self.cap_hourly, self.hour_spent),
            ("daily", self.cap_daily, self.day_spent),
            ("total", self.cap_total, self.total_spent),
        ):
            if cap is not None and spent + amount > cap:
                return name
        return None

    def room(self) -> int:
        """The largest amount that exceeds no cap."""
        counted = (
            (self.cap_hourly, self.hour_spent),
            (self.cap_daily, self.day_spent),
            (self.cap_total, self.total_spent),
        )
        return min((cap - spent for cap, spent in counted if cap is not None), default=NO_CAP)

    def spend(self, amount: int) -> None:
        self.hour_spent += amount
        self.day_spent += amount
        self.total_spent += amount
        self.touched = True

    def give_back(self, closing: Closing) -> None:
        """Return what a hold did not use, to the windows the hold was made in."""
        back = closing.hold - closing.captured
        if closing.hold_made_at // HOUR_MS == self.hour:
            self.hour_spent = max(0, self.hour_spent - back)
        if closing.hold_made_at // DAY_MS == self.day:
            self.day_spent = max(0, self.day_spent - back)
        self.total_spent = max(0, self.total_spent - back)
        self.touched = True


_LOCK = Statement(
    "SELECT id, cap_hourly, cap_daily, cap_total, hour, hour_spent, day, day_spent, total_spent FROM keys "
    "WHERE id IN (SELECT id FROM {rows:wanted(id bigint)}) ORDER BY id {for_update}"
)
_WRITE = Statement(
    "UPDATE keys SET hour = spent.h, hour_spent = spent.hs, day = spent.d, day_spent = spent.ds, "
    "total_spent = spent.ts FROM {rows:spent(key bigint, h bigint, hs bigint, d bigint, ds bigint, ts bigint)} "
    "WHERE id = spent.key"
)


def lock_keys(connection: Connection, ids: Iterable[int]) -> dict[int, KeySpend]:
    """Lock these keys' counters, in id order in every process, and read them."""
    rows = connection.run(_LOCK, {"wanted": rows_json({"id": key_id} for key_id in sorted(set(ids)))})
    return {row[0]: KeySpend(*row) for row in rows}


def write_keys(connection: Connection, keys: Iterable[KeySpend]) -> None:
    """Store the counters a batch changed."""
    rows = [
        {
            "key": key.id,
            "h": key.hour,
            "hs": key.hour_spent,
            "d": key.day,
            "ds": key.day_spent,
            "ts": key.total_spent,
        }
        for key in keys
        if key.touched
    ]
    if rows:
        connection.run(_WRITE, {"spent": rows_json(rows)})


def give_back(connection: Connection, closings: Sequence[Closing], now: Millis) -> None:
    """Return to each key what its closed holds did not use."""
    returning = [item for item in closings if item.hold > item.captured]
    if not returning:
        return
    keys = lock_keys(connection, (item.key_id for item in returning))
    for item in returning:
        key = keys.get(item.key_id)
        if key is not None:
            key.turn(now)
            key.give_back(item)
    write_keys(connection, keys.values())
