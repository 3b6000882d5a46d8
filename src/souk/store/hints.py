"""Hints that an upstream has news of a task, left by the process that was told for the one that holds the task."""

from collections.abc import Iterable

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import TaskId

KEPT_MS = 3_600_000
"""Nobody took a hint for so long: its task ended meanwhile."""


class HintRow(msgspec.Struct, frozen=True):
    """One row: which attempt of which task."""

    task_id: TaskId
    attempt_id: str
    at: int


_LEAVE = Statement(
    "INSERT INTO hints (task_id, attempt_id, at) SELECT task_id, attempt_id, at "
    "FROM {rows:new(task_id text, attempt_id text, at bigint)} WHERE true "
    "ON CONFLICT (task_id) DO UPDATE SET attempt_id = excluded.attempt_id, at = excluded.at"
)
_TAKE = Statement(
    "DELETE FROM hints WHERE at < :before OR task_id IN (SELECT h.task_id FROM hints h "
    "JOIN tasks t ON t.id = h.task_id WHERE t.lease_owner = :owner) RETURNING task_id, attempt_id, at"
)


def leave(connection: Connection, hints: Iterable[HintRow]) -> None:
    """Store hints, the newest of each task."""
    newest = {hint.task_id: hint for hint in hints}
    connection.run(_LEAVE, {"new": rows_json(map(msgspec.structs.asdict, newest.values()))})


def take(connection: Connection, owner: str, now: int) -> list[HintRow]:
    """The hints for the tasks of a node, which are then gone."""
    rows = connection.run(_TAKE, {"owner": owner, "before": now - KEPT_MS})
    return [HintRow(*row) for row in rows]
