"""Reading the ledger: a task's entries, and the sums a verification compares."""

import msgspec

from souk.store.database import Connection, Row
from souk.store.statement import Statement


class Entry(msgspec.Struct, frozen=True):
    """One entry of the ledger."""

    id: int
    account_id: int
    mode: str
    kind: str
    """grant, hold, capture, release or checkpoint."""
    amount: int
    returned: int
    """What a capture or release gave back of its hold."""
    task_id: str | None
    note: str
    created_at: int


_NAMES = ", ".join(Entry.__struct_fields__)
_OF_TASK = Statement(f"SELECT {_NAMES} FROM ledger WHERE task_id = :task_id ORDER BY side")  # noqa: S608 - constant columns

_PURSES = Statement(
    "SELECT b.account_id, b.mode, b.available, b.held, b.unfinished, "
    "COALESCE((SELECT sum(CASE kind WHEN 'grant' THEN amount WHEN 'checkpoint' THEN amount "
    "WHEN 'hold' THEN -amount WHEN 'capture' THEN returned WHEN 'release' THEN returned END) "
    "FROM ledger l WHERE l.account_id = b.account_id AND l.mode = b.mode), 0), "
    "COALESCE((SELECT sum(hold) FROM tasks t WHERE t.account_id = b.account_id AND t.mode = b.mode "
    "AND t.completed_at IS NULL), 0), "
    "COALESCE((SELECT sum(amount) FROM blocks k WHERE k.account_id = b.account_id AND k.mode = b.mode), 0), "
    "(SELECT count(*) FROM tasks t WHERE t.account_id = b.account_id AND t.mode = b.mode "
    "AND t.completed_at IS NULL) "
    "FROM balances b ORDER BY b.account_id, b.mode"
)
_CROOKED = Statement(
    # Tasks whose entries do not say what the task says: an unfinished one has a hold and nothing else; a finished one
    # has a hold and one closing entry that adds up to it. Finished tasks whose entries were folded have neither.
    "SELECT id FROM (SELECT t.id, t.hold, t.captured, t.completed_at, "
    "sum(CASE WHEN l.side = 0 THEN 1 ELSE 0 END) AS opened, sum(CASE WHEN l.side = 1 THEN 1 ELSE 0 END) AS closed, "
    "sum(CASE WHEN l.side = 0 THEN l.amount ELSE 0 END) AS taken, "
    "sum(CASE WHEN l.kind = 'capture' THEN l.amount ELSE 0 END) AS kept, "
    "sum(l.returned) AS back FROM tasks t LEFT JOIN ledger l ON l.task_id = t.id "
    "GROUP BY t.id, t.hold, t.captured, t.completed_at) AS told "
    "WHERE NOT ((completed_at IS NULL AND opened = 1 AND closed = 0 AND taken = hold) "
    "OR (completed_at IS NOT NULL AND opened = 1 AND closed = 1 AND taken = hold AND kept = captured "
    "AND kept + back = hold) OR (completed_at IS NOT NULL AND opened = 0 AND closed = 0)) "
    "ORDER BY id LIMIT :most"
)
_CROOKED_BLOCKS = Statement(
    # An open block of chat has a hold of its amount and nothing else, and is not overspent. Any other hold that belongs
    # to no task is of a block that is closed, or of a task deleted since: what closed it adds up to it.
    "SELECT b.id FROM blocks b LEFT JOIN ledger o ON o.task_id = b.id AND o.side = 0 "
    "LEFT JOIN ledger c ON c.task_id = b.id AND c.side = 1 WHERE o.id IS NULL OR c.id IS NOT NULL "
    "OR o.amount <> b.amount OR b.spent NOT BETWEEN 0 AND b.amount "
    "UNION ALL SELECT o.task_id FROM ledger o LEFT JOIN ledger c ON c.task_id = o.task_id AND c.side = 1 "
    "WHERE o.side = 0 AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = o.task_id) "
    "AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.id = o.task_id) AND (c.id IS NULL "
    "OR CASE WHEN c.kind = 'capture' THEN c.amount ELSE 0 END + c.returned <> o.amount) LIMIT :most"
)


class PurseSums(msgspec.Struct, frozen=True, array_like=True):
    """A balance beside what the ledger, the tasks and the blocks of chat say it should be."""

    account_id: int
    mode: str
    available: int
    held: int
    unfinished: int
    ledger_available: int
    tasks_held: int
    blocks_held: int
    tasks_unfinished: int


def _entry(row: Row) -> Entry:
    return Entry(*row)


def of_task(connection: Connection, task_id: str) -> list[Entry]:
    """A task's entries: its hold, then what closed it."""
    return list(map(_entry, connection.run(_OF_TASK, {"task_id": task_id})))


def purses(connection: Connection) -> list[PurseSums]:
    """Every balance beside its sums."""
    # Sums come back as decimals from PostgreSQL.
    return [
        PurseSums(int(row[0]), str(row[1]), *(int(value) for value in row[2:]))
        for row in connection.run(_PURSES)
    ]


def crooked_blocks(connection: Connection, most: int = 100) -> list[str]:
    """Blocks of chat, and holds of tasks deleted since, whose ledger entries contradict them."""
    return [row[0] for row in connection.run(_CROOKED_BLOCKS, {"most": most})]


def crooked(connection: Connection, most: int = 100) -> list[str]:
    """Tasks whose ledger entries contradict them."""
    return [row[0] for row in connection.run(_CROOKED, {"most": most})]
