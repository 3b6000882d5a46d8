"""Letting go of old rows: tasks past their log time with all that hangs on them, old keys, folded ledger entries."""

from collections.abc import Sequence

from souk.store import tasks
from souk.store.database import Connection
from souk.store.statement import Statement, rows_json

_LAPSED = (
    "tasks.completed_at IS NOT NULL AND tasks.completed_at < :moment AND tasks.keep = 0 "
    "AND NOT EXISTS (SELECT 1 FROM pins WHERE pins.target = tasks.id) "
    "AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.task_id = tasks.id AND outbox.state = 'pending')"
)
_NEXT_TASKS = Statement(
    f"SELECT id, CASE WHEN {_LAPSED} THEN 1 ELSE 0 END FROM tasks "  # noqa: S608 - a constant condition
    "WHERE id > :after AND id < :before ORDER BY id LIMIT :most"
)
_STILL_LAPSED = Statement(
    "SELECT tasks.id FROM {rows:asked(id text)} JOIN tasks ON tasks.id = asked.id "  # noqa: S608 - a constant condition
    f"WHERE {_LAPSED}"
)
_DEPENDENTS = tuple(
    Statement(f"DELETE FROM {table} WHERE task_id IN (SELECT id FROM {{rows:gone(id text)}})")  # noqa: S608 - constant names
    for table in ("attempts", "events", "deliveries", "outbox", "pins", "pieces")
)
_EXPIRE_FILES = Statement(
    "UPDATE assets SET expires_at = 0, task_id = NULL WHERE task_id IN (SELECT id FROM {rows:gone(id text)})"
)
_DELETE = Statement("DELETE FROM tasks WHERE id IN (SELECT id FROM {rows:gone(id text)})")


def old_tasks(
    connection: Connection, after: str, before: str, moment: int, most: int
) -> tuple[list[str], str | None]:
    """Of the next tasks between two ids, those that ended before a moment and that nothing protects.

    Looks at ``most`` tasks, however many of them stay; the second answer is where to go on, None at the end.
    """
    rows = connection.run(_NEXT_TASKS, {"after": after, "before": before, "moment": moment, "most": most})
    return [row[0] for row in rows if row[1]], rows[-1][0] if len(rows) == most else None


def drop_lapsed(connection: Connection, ids: Sequence[str], moment: int) -> int:
    """Remove those of these tasks that are past their time and that nothing protects by now; how many went."""
    tasks.lock(connection, ids)
    asked = rows_json({"id": task_id} for task_id in ids)
    gone = [row[0] for row in connection.run(_STILL_LAPSED, {"asked": asked, "moment": moment})]
    if gone:
        delete_tasks(connection, gone)
    return len(gone)


def delete_tasks(connection: Connection, ids: list[str]) -> None:
    """Remove tasks and what hangs on them; their files expire at once. Ledger and idempotency rows stay."""
    gone = rows_json({"id": task_id} for task_id in ids)
    for statement in (*_DEPENDENTS, _EXPIRE_FILES, _DELETE):
        connection.run(statement, {"gone": gone})


FOLD_ROWS = 20_000
"""Entries looked at in one go, so that folding never holds up other writes for long."""

_SPAN = Statement("SELECT min(id), max(id) FROM ledger")
_AT = Statement("SELECT id, created_at FROM ledger WHERE id >= :id ORDER BY id LIMIT 1")
_UP_TO = Statement(
    "SELECT max(id) FROM (SELECT id FROM ledger WHERE id < :end ORDER BY id LIMIT :most) AS oldest"
)
_CLOSED = (
    "id <= :last AND created_at < :before AND (task_id IS NULL OR EXISTS (SELECT 1 FROM ledger c "
    "WHERE c.task_id = l.task_id AND c.side = 1 AND c.id <= :last AND c.created_at < :before))"
)
_FOLD_SUMS = Statement(
    # What a purse's folded entries come to: grants and earlier checkpoints add, captures take.
    "SELECT account_id, mode, sum(CASE kind WHEN 'grant' THEN amount WHEN 'checkpoint' THEN amount "  # noqa: S608 - constant condition
    f"WHEN 'capture' THEN -amount ELSE 0 END), count(*) FROM ledger l WHERE {_CLOSED} "
    "GROUP BY account_id, mode HAVING count(*) > 1 ORDER BY account_id, mode"
)
_FOLD_DELETE = Statement(
    "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger l WHERE account_id = :account_id AND mode = :mode "  # noqa: S608 - constant condition
    f"AND {_CLOSED})"
)
_FOLD_INSERT = Statement(
    "INSERT INTO ledger (account_id, mode, kind, amount, note, created_at) "
    "VALUES (:account_id, :mode, 'checkpoint', :amount, :note, :at)"
)


def fold_ledger(connection: Connection, before: int, now: int) -> int:
    """Replace the oldest closed entries, as far as they are older than a moment, by one checkpoint per purse.

    Looks at FOLD_ROWS entries at most; returns how many went.
    """
    last = connection.run(_UP_TO, {"end": _first_id_since(connection, before), "most": FOLD_ROWS})[0][0]
    if last is None:
        return 0
    folded = 0
    span = {"last": last, "before": before}
    for account_id, mode, amount, count in connection.run(_FOLD_SUMS, span):
        purse = {"account_id": account_id, "mode": mode}
        connection.run(_FOLD_DELETE, {**purse, **span})
        note = f"{count} entries folded"
        connection.run(_FOLD_INSERT, {**purse, "amount": int(amount), "note": note, "at": now})
        folded += int(count)
    return folded


def _first_id_since(connection: Connection, moment: int) -> int:
    """The first ledger id written at or after a moment. Ids grow with time, so a few looks find it."""
    low, high = connection.run(_SPAN)[0]
    if low is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        rows = connection.run(_AT, {"id": middle})
        if not rows or rows[0][1] >= moment:
            high = middle
        else:
            low = rows[0][0] + 1
    return low
