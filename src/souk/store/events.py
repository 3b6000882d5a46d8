"""Stage events: what a task reached on its way, in order, each told once."""

from collections.abc import Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json

PROGRESS = "progress"
"""The one stage that comes again and again."""


class NewEvent(msgspec.Struct, frozen=True):
    """A stage a task has just reached."""

    task_id: str
    stage: str
    at: int
    data: str = "{}"
    """What the upstream told at this stage, as JSON."""


class Event(msgspec.Struct, frozen=True):
    """A stored stage."""

    task_id: str
    number: int
    stage: str
    at: int
    data: str


_INSERT = Statement(
    "INSERT INTO events (task_id, number, stage, at, data) SELECT task_id, "
    "COALESCE((SELECT max(e.number) FROM events e WHERE e.task_id = new.task_id), 0) + 1, stage, at, data "
    "FROM {rows:new(task_id text, stage text, at bigint, data text)} "
    "WHERE new.stage = 'progress' OR NOT EXISTS "
    "(SELECT 1 FROM events e WHERE e.task_id = new.task_id AND e.stage = new.stage) "
    "RETURNING task_id, number, stage, at, data"
)
_OF_TASK = Statement(
    "SELECT task_id, number, stage, at, data FROM events WHERE task_id = :task_id ORDER BY number"
)


def insert(connection: Connection, events: Sequence[NewEvent]) -> list[Event]:
    """Store at most one event a task; those that were new. A stage already told is passed over."""
    if not events:
        return []
    rows = connection.run(_INSERT, {"new": rows_json(map(msgspec.structs.asdict, events))})
    return [Event(*row) for row in rows]


def of_task(connection: Connection, task_id: str) -> list[Event]:
    """A task's stages in order."""
    return [Event(*row) for row in connection.run(_OF_TASK, {"task_id": task_id})]
