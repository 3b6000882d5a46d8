"""Hints that an upstream has news of a task, left by the process that was told for the one that holds it next."""

from collections.abc import Iterable

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import TaskId

KEPT_MS = 3_600_000
"""Nobody took a hint for so long: polls have told meanwhile what there was to tell."""


class HintRow(msgspec.Struct, frozen=True):
    """One row: which attempt of which task."""

    task_id: TaskId
    attempt_id: str
    at: int
    report: str | None = None
    """What was said; None where it was too long to keep."""


_LEAVE = Statement(
    "INSERT INTO hints (task_id, attempt_id, at, report) SELECT task_id, attempt_id, at, report "
    "FROM {rows:new(task_id text, attempt_id text, at bigint, report text)} WHERE true "
    "ON CONFLICT (task_id) DO UPDATE SET attempt_id = excluded.attempt_id, at = excluded.at, "
    "report = excluded.report"
)
_TAKE = Statement(
    "DELETE FROM hints WHERE task_id IN (SELECT h.task_id FROM hints h LEFT JOIN tasks t ON t.id = h.task_id "
    "WHERE t.id IS NULL OR t.completed_at IS NOT NULL "
    "OR (t.ref IS NOT NULL AND (t.lease_owner = :owner OR h.at < :before))) "
    "RETURNING task_id, attempt_id, at, report"
)
_LEFT = Statement(
    "SELECT h.task_id, h.attempt_id, h.at, h.report FROM hints h JOIN tasks t ON t.id = h.task_id "
    "WHERE t.lease_owner = :owner AND t.ref IS NULL"
)
_OF_TASK = Statement("SELECT task_id, attempt_id, at, report FROM hints WHERE task_id = :task_id")


def leave(connection: Connection, hints: Iterable[HintRow]) -> None:
    """Store hints, the newest of each task."""
    newest = {hint.task_id: hint for hint in hints}
    connection.run(
        _LEAVE, {"new": rows_json(msgspec.structs.asdict(newest[task]) for task in sorted(newest))}
    )


def take(connection: Connection, owner: str, now: int) -> list[HintRow]:
    """The hints for the tasks of a node.

    They are gone then, but for tasks of which nobody knows yet whether an upstream took them: a process that dies with
    such a hint in its memory must not take the only proof with it, and however old it is, nothing else has proved it.
    """
    taken = connection.run(_TAKE, {"owner": owner, "before": now - KEPT_MS})
    left = connection.run(_LEFT, {"owner": owner})
    return [HintRow(*row) for row in (*taken, *left)]


def of_task(connection: Connection, task_id: str) -> HintRow | None:
    """The hint that waits for a task, if one does."""
    rows = connection.run(_OF_TASK, {"task_id": task_id})
    return HintRow(*rows[0]) if rows else None
