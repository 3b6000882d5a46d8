"""Deliveries: every try of a callback, kept so that `souk tasks show` can tell what the receiver answered."""

from collections.abc import Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import Millis, TaskId


class Delivery(msgspec.Struct, frozen=True):
    """One try. ``status`` is the receiver's HTTP status, if it gave one; ``error`` says why it failed."""

    outbox_id: int
    task_id: TaskId
    at: Millis
    duration_ms: int
    status: int | None
    error: str | None


_INSERT = Statement(
    "INSERT INTO deliveries (outbox_id, task_id, at, duration_ms, status, error) "
    "SELECT outbox_id, task_id, at, duration_ms, status, error FROM {rows:new("
    "outbox_id bigint, task_id text, at bigint, duration_ms int, status int, error text)} "
    "WHERE EXISTS (SELECT 1 FROM outbox WHERE outbox.id = new.outbox_id)"
)
_OF_TASK = Statement(
    "SELECT outbox_id, task_id, at, duration_ms, status, error FROM deliveries "
    "WHERE task_id = :task_id ORDER BY id"
)


def insert(connection: Connection, tries: Sequence[Delivery]) -> None:
    """Note tries, but not of a row that was deleted with its task meanwhile."""
    connection.run(_INSERT, {"new": rows_json(map(msgspec.structs.asdict, tries))})


def of_task(connection: Connection, task_id: TaskId) -> list[Delivery]:
    """Every try of a task's callbacks, oldest first."""
    return [Delivery(*row) for row in connection.run(_OF_TASK, {"task_id": task_id})]
