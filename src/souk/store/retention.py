"""Letting go of old rows: tasks past their log time with all that hangs on them, old keys, folded ledger entries."""

from collections.abc import Sequence

import msgspec

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


_SPAN = Statement("SELECT min(id), max(id) FROM ledger")
_AT = Statement("SELECT id, created_at FROM ledger WHERE id >= :id ORDER BY id LIMIT 1")
_UP_TO = Statement(
    "SELECT max(id) FROM (SELECT id FROM ledger WHERE id > :after AND id < :end ORDER BY id LIMIT :most) AS next"
)
_FOLD = Statement(
    # What was deleted here is what is added up: of two processes that fold the same entries, one finds none.
    "DELETE FROM ledger WHERE id > :after AND id <= :last AND created_at < :before "
    "AND (task_id IS NULL OR side = 1) RETURNING account_id, mode, kind, amount, task_id"
)
_FOLD_HOLDS = Statement(
    "DELETE FROM ledger WHERE side = 0 AND task_id IN (SELECT id FROM {rows:closed(id text)}) RETURNING id"
)
_ADD_TO_CHECKPOINT = Statement(
    "UPDATE ledger SET amount = amount + :amount WHERE id = (SELECT id FROM ledger WHERE account_id = :account_id "
    "AND mode = :mode AND id > :newest AND kind = 'checkpoint' AND created_at = :at ORDER BY id LIMIT 1) RETURNING id"
)
_NEW_CHECKPOINT = Statement(
    "INSERT INTO ledger (account_id, mode, kind, amount, note, created_at) "
    "VALUES (:account_id, :mode, 'checkpoint', :amount, 'older entries folded', :at)"
)
_ADDS = {"grant": 1, "checkpoint": 1, "capture": -1}
"""What an entry does to a balance. A hold is only ever passing, and a release gives back what it took."""


class Folding(msgspec.Struct, frozen=True):
    """Which entries of the ledger one round folds, and into what."""

    end: int
    """The first id that is too young."""
    newest: int
    """The newest id when the round began: its checkpoints come after it."""
    before: int
    """Entries are folded that were made before this moment, with the holds they close."""
    now: int


def folding(connection: Connection, before: int, now: int) -> Folding:
    """What a round that begins now has to fold."""
    oldest, newest = connection.run(_SPAN)[0]
    if oldest is None:
        return Folding(0, 0, before, now)
    return Folding(_first_id_since(connection, before, oldest, newest), newest, before, now)


def fold_ledger(connection: Connection, folding: Folding, after: int, most: int) -> tuple[int, int | None]:
    """Fold the next entries after an id into each purse's checkpoint of this round.

    Looks at ``most`` entries. Answers how many went, and where to go on: None at the end.
    """
    span = {"after": after, "end": folding.end, "most": most}
    last = connection.run(_UP_TO, span)[0][0]
    if last is None:
        return 0, None
    gone = connection.run(_FOLD, {"after": after, "last": last, "before": folding.before})
    sums: dict[tuple[int, str], int] = {}
    for account_id, mode, kind, amount, _ in gone:
        sums[account_id, mode] = sums.get((account_id, mode), 0) + _ADDS.get(kind, 0) * amount
    closed = rows_json({"id": task_id} for *_, task_id in gone if task_id is not None)
    holds = connection.run(_FOLD_HOLDS, {"closed": closed})
    for (account_id, mode), amount in sorted(sums.items()):
        checkpoint = {"account_id": account_id, "mode": mode, "amount": amount, "at": folding.now}
        if not connection.run(_ADD_TO_CHECKPOINT, {**checkpoint, "newest": folding.newest}):
            connection.run(_NEW_CHECKPOINT, checkpoint)
    return len(gone) + len(holds), last


def _first_id_since(connection: Connection, moment: int, low: int, high: int) -> int:
    """The first ledger id written at or after a moment. Ids grow with time, so a few looks find it."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        rows = connection.run(_AT, {"id": middle})
        if not rows or rows[0][1] >= moment:
            high = middle
        else:
            low = rows[0][0] + 1
    return low
