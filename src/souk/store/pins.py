"""What must outlive an unfinished task: the stored files and parent tasks its input names."""

from collections.abc import Iterable, Sequence

from souk.store import tasks
from souk.store.assets import ALIVE
from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import Millis

_MISSING = Statement(
    "SELECT wanted.target FROM {rows:wanted(target text)} "  # noqa: S608 - a constant condition
    "WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = wanted.target) "
    "AND NOT EXISTS (SELECT 1 FROM assets a LEFT JOIN tasks t ON t.id = a.task_id "
    f"WHERE a.id = wanted.target AND {ALIVE})"
)
_INSERT = Statement(
    "INSERT INTO pins (task_id, target) SELECT task_id, target FROM {rows:new(task_id text, target text)} "
    "WHERE true ON CONFLICT DO NOTHING"
)
_DROP = Statement("DELETE FROM pins WHERE task_id IN (SELECT id FROM {rows:done(id text)})")


def missing(connection: Connection, targets: Iterable[str], now: Millis) -> set[str]:
    """Which of these files and tasks are gone, until the commit. A file past its time is, though its row may stay."""
    targets = list(targets)
    tasks.lock(connection, targets)
    wanted = rows_json({"target": target} for target in targets)
    rows = connection.run(_MISSING, {"wanted": wanted, "now": now})
    return {row[0] for row in rows}


def insert(connection: Connection, pins: Sequence[tuple[str, str]]) -> None:
    """Protect targets for the sake of tasks, given as pairs (task id, target)."""
    if pins:
        rows = rows_json({"task_id": task_id, "target": target} for task_id, target in pins)
        connection.run(_INSERT, {"new": rows})


def drop(connection: Connection, task_ids: Iterable[str]) -> None:
    """Let go of everything these tasks protected."""
    connection.run(_DROP, {"done": rows_json({"id": task_id} for task_id in task_ids)})


_IS_PINNED = Statement("SELECT 1 FROM pins WHERE target = :target LIMIT 1")


def is_pinned(connection: Connection, target: str) -> bool:
    """Whether an unfinished task needs this file or task."""
    return bool(connection.run(_IS_PINNED, {"target": target}))
