"""A task's row: reading it, creating it, and every transition of its life.

Each transition compares owner and epoch, so a worker that lost its lease and wakes late changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from souk.store.database import Connection, Row
from souk.store.statement import Statement, rows_json
from souk.words import TaskId


class TaskRow(msgspec.Struct, frozen=True, array_like=True):
    """One row of ``tasks``, fields in column order."""

    id: TaskId
    account_id: int
    key_id: int
    mode: str
    dialect: str
    model: str
    state: str
    input: str
    callback_url: str | None
    progress_url: str | None
    client_task_id: str | None
    warnings: str
    created_at: int
    updated_at: int
    completed_at: int | None
    deadline_at: int
    due_at: int
    lease_owner: str | None
    epoch: int
    attempt_id: str | None
    attempts: int
    connection: str | None
    upstream_model: str | None
    ref: str | None
    prepared: str | None
    outputs: str | None
    hold: int
    price: str
    captured: int | None
    result: str | None
    fail_kind: str | None
    fail_code: int | None
    fail_message: str | None
    progress: int | None
    cancel_at: int | None
    keep: int
    pins: int


COLUMNS = ", ".join(TaskRow.__struct_fields__)
_PREFIXED = ", ".join(f"t.{name}" for name in TaskRow.__struct_fields__)


def _task(row: Row) -> TaskRow:
    return TaskRow(*row)


_FETCH = Statement(
    f"SELECT {_PREFIXED} FROM {{rows:wanted(id text)}} JOIN tasks t ON t.id = wanted.id"  # noqa: S608 - constant column names
)


def fetch(connection: Connection, ids: Iterable[str]) -> dict[TaskId, TaskRow]:
    """The rows of these ids, as far as they exist."""
    rows = connection.run(_FETCH, {"wanted": rows_json({"id": task_id} for task_id in ids)})
    return {task.id: task for task in map(_task, rows)}


_INSERT_COLUMNS = {
    "id": "text",
    "account_id": "bigint",
    "key_id": "bigint",
    "mode": "text",
    "dialect": "text",
    "model": "text",
    "input": "text",
    "callback_url": "text",
    "progress_url": "text",
    "client_task_id": "text",
    "warnings": "text",
    "created_at": "bigint",
    "deadline_at": "bigint",
    "hold": "bigint",
    "price": "text",
    "pins": "int",
}
_names = ", ".join(_INSERT_COLUMNS)
_spec = ", ".join(f"{name} {kind}" for name, kind in _INSERT_COLUMNS.items())
_INSERT = Statement(
    f"INSERT INTO tasks ({_names}, updated_at, due_at, state) "  # noqa: S608 - constant column names
    f"SELECT {_names}, created_at, created_at, 'waiting' FROM {{rows:new({_spec})}}"
)


def insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store new tasks in state ``waiting``."""
    connection.run(_INSERT, {"new": rows_json(rows)})
