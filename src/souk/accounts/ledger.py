"""Credits: append-only entries, and a balance per account and mode that is never below zero.

A hold takes its amount out of ``available`` at create; exactly one capture or release closes it. The database itself
refuses a second entry of either side for a task, or for a block of chat. All amounts are units of 0.0001 credit.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import AccountId, Credits, Millis, Mode


class NotEnough(Exception):
    """Taking this amount would put a balance below zero."""


class Purse(msgspec.Struct):
    """The locked balance row of one account and mode, while a batch decides."""

    account_id: int
    mode: str
    available: int
    unfinished: int
    rate_started: int
    rate_count: int
    held_now: int = 0
    created_now: int = 0


class Closing(msgspec.Struct, frozen=True):
    """The one entry that closes a hold: ``captured`` of ``hold`` is kept, the rest goes back."""

    task_id: str
    account_id: int
    mode: str
    key_id: int
    hold: int
    captured: int
    hold_made_at: int
    unfinished: int = 1
    """How many unfinished tasks end with it: one, or none where the hold is a block of credits for chat."""


_GRANT_BALANCE = Statement(
    "INSERT INTO balances (account_id, mode, available) VALUES (:account_id, :mode, :amount) "
    "ON CONFLICT (account_id, mode) DO UPDATE SET available = balances.available + excluded.available "
    "RETURNING available"
)
_TAKE_BALANCE = Statement(
    "UPDATE balances SET available = available + :amount "
    "WHERE account_id = :account_id AND mode = :mode AND available + :amount >= 0 RETURNING available"
)
_GRANT_ENTRY = Statement(
    "INSERT INTO ledger (account_id, mode, kind, amount, note, created_at) "
    "VALUES (:account_id, :mode, 'grant', :amount, :note, :now)"
)


def grant(
    connection: Connection, account_id: AccountId, mode: Mode, amount: Credits, note: str, now: Millis
) -> int:
    """Add credits (or take them back, if negative) and return what is then available.

    Raises NotEnough when more would be taken than is available.
    """
    params = {"account_id": account_id, "mode": mode.value, "amount": amount}
    rows = connection.run(_GRANT_BALANCE if amount >= 0 else _TAKE_BALANCE, params)
    if not rows:
        raise NotEnough(f"account {account_id} has less than that available")
    connection.run(_GRANT_ENTRY, {**params, "note": note, "now": now})
    return int(rows[0][0])


_LOCK = Statement(
    "SELECT account_id, mode, available, unfinished, rate_started, rate_count FROM balances "
    "WHERE (account_id, mode) IN (SELECT account_id, mode FROM {rows:wanted(account_id bigint, mode text)}) "
    "ORDER BY account_id, mode {for_update}"
)


def lock_purses(connection: Connection, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], Purse]:
    """Lock these balances, in id order in every process, and read them."""
    spec = [{"account_id": account_id, "mode": mode} for account_id, mode in sorted(wanted)]
    rows = connection.run(_LOCK, {"wanted": rows_json(spec)})
    return {(row[0], row[1]): Purse(*row) for row in rows}


_HOLD_BALANCES = Statement(
    "UPDATE balances SET available = available - taken.amount, held = held + taken.amount, "
    "unfinished = unfinished + taken.tasks, rate_started = taken.started, rate_count = taken.count "
    "FROM {rows:taken(account bigint, purse text, amount bigint, tasks bigint, started bigint, count bigint)} "
    "WHERE account_id = taken.account AND mode = taken.purse"
)
_HOLD_ENTRIES = Statement(
    "INSERT INTO ledger (account_id, mode, kind, amount, task_id, side, key_id, created_at) "
    "SELECT account_id, mode, 'hold', hold, id, 0, key_id, created_at FROM "
    "{rows:held(id text, account_id bigint, mode text, hold bigint, key_id bigint, created_at bigint)}"
)


def hold(connection: Connection, purses: Sequence[Purse], tasks: Sequence[dict[str, Any]]) -> None:
    """Write the holds of new tasks. The purses are locked and carry what was decided on them."""
    taken = [
        {
            "account": purse.account_id,
            "purse": purse.mode,
            "amount": purse.held_now,
            "tasks": purse.created_now,
            "started": purse.rate_started,
            "count": purse.rate_count,
        }
        for purse in purses
    ]
    connection.run(_HOLD_BALANCES, {"taken": rows_json(taken)})
    entries = [
        {name: task[name] for name in ("id", "account_id", "mode", "hold", "key_id", "created_at")}
        for task in tasks
    ]
    connection.run(_HOLD_ENTRIES, {"held": rows_json(entries)})


_CLOSE_ENTRIES = Statement(
    "INSERT INTO ledger (account_id, mode, kind, amount, returned, task_id, side, key_id, created_at) "
    "SELECT account_id, mode, kind, amount, returned, task_id, 1, key_id, at FROM "
    "{rows:closed(account_id bigint, mode text, kind text, amount bigint, returned bigint, task_id text, "
    "key_id bigint, at bigint)}"
)
_CLOSE_BALANCES = Statement(
    "UPDATE balances SET available = available + given.returned, held = held - given.hold, "
    "unfinished = unfinished - given.tasks "
    "FROM {rows:given(account bigint, purse text, returned bigint, hold bigint, tasks bigint)} "
    "WHERE account_id = given.account AND mode = given.purse"
)


def close(connection: Connection, closings: Sequence[Closing], now: Millis) -> None:
    """Close holds: a capture for what was delivered (a release when that is nothing), the rest returned.

    Whoever calls has locked the balances, or is alone in its transaction.
    """
    if not closings:
        return
    entries = [
        {
            "account_id": item.account_id,
            "mode": item.mode,
            "kind": "capture" if item.captured else "release",
            "amount": item.captured or item.hold,
            "returned": item.hold - item.captured,
            "task_id": item.task_id,
            "key_id": item.key_id,
            "at": now,
        }
        for item in closings
    ]
    connection.run(_CLOSE_ENTRIES, {"closed": rows_json(entries)})
    sums: dict[tuple[int, str], list[int]] = {}
    for item in closings:
        total = sums.setdefault((item.account_id, item.mode), [0, 0, 0])
        total[0] += item.hold - item.captured
        total[1] += item.hold
        total[2] += item.unfinished
    given = [
        {"account": account, "purse": mode, "returned": back, "hold": held, "tasks": count}
        for (account, mode), (back, held, count) in sorted(sums.items())
    ]
    connection.run(_CLOSE_BALANCES, {"given": rows_json(given)})
