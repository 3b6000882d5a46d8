"""The story of a task: each attempt on a route, what was asked, and what the upstream's answer meant."""

from collections.abc import Iterable, Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import TaskId


class Attempt(msgspec.Struct, frozen=True):
    """One row, or what is newly known of it: fields left None keep their stored value."""

    id: str
    task_id: str
    number: int
    connection: str
    upstream_model: str
    started_at: int
    submitted_at: int | None = None
    ended_at: int | None = None
    ref: str | None = None
    verdict: str | None = None
    """accepted, done, failed, refused, unclear, never_sent, cancelled, timeout, handed_back"""
    kind: str | None = None
    message: str | None = None
    upstream: str | None = None
    request: str | None = None
    cost: int | None = None
    provider: str | None = None
    """Whose API the connection led to when the attempt began; None where a version began it that did not note this."""


_NAMES = Attempt.__struct_fields__
_SPEC = (
    "(id text, task_id text, number int, connection text, upstream_model text, started_at bigint, "
    "submitted_at bigint, ended_at bigint, ref text, verdict text, kind text, message text, upstream text, "
    "request text, cost bigint, provider text)"
)
_TASK_OF = Statement(
    "SELECT t.id, CASE WHEN t.attempt_id = a.id AND t.completed_at IS NULL THEN 1 ELSE 0 END "
    "FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.id = :id"
)
_ERRORS = Statement(
    "SELECT connection, count(*) FROM attempts WHERE task_id >= :since "
    "AND verdict IN ('refused', 'never_sent', 'unclear', 'failed') GROUP BY connection"
)
_LATER = ("submitted_at", "ended_at", "ref", "verdict", "kind", "message", "upstream", "request", "cost")
_RECORD = Statement(
    f"INSERT INTO attempts ({', '.join(_NAMES)}) SELECT {', '.join(_NAMES)} FROM {{rows:new{_SPEC}}} WHERE true "  # noqa: S608 - constant columns
    "ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = COALESCE(excluded.{name}, attempts.{name})" for name in _LATER)
)
_OF_TASK = Statement(
    f"SELECT {', '.join(_NAMES)} FROM attempts WHERE task_id = :task_id ORDER BY number"  # noqa: S608 - constant columns
)

_UNDER_WAY = Statement(
    "SELECT a.id, a.task_id, a.number, a.connection, a.upstream_model, a.started_at, a.submitted_at, a.provider "
    "FROM {rows:wanted(id text)} JOIN attempts a ON a.id = wanted.id"
)
_LAST = Statement(
    "SELECT t.id, a.provider FROM {rows:wanted(id text)} JOIN tasks t ON t.id = wanted.id "
    "JOIN attempts a ON a.task_id = t.id AND a.number = t.attempts WHERE a.provider IS NOT NULL"
)


def record(connection: Connection, attempts: Sequence[Attempt]) -> None:
    """Store attempts, or what is newly known of them."""
    if not attempts:
        return
    # One statement must not touch a row twice: what a batch says of one attempt is merged first, later words winning.
    merged: dict[str, dict[str, object | None]] = {}
    for attempt in attempts:
        known = {name: value for name, value in msgspec.structs.asdict(attempt).items() if value is not None}
        blank: dict[str, object | None] = dict.fromkeys(_NAMES)
        merged.setdefault(attempt.id, blank).update(known)
    connection.run(_RECORD, {"new": rows_json(merged.values())})


def errors_since(connection: Connection, task_id: str) -> dict[str, int]:
    """How many attempts failed on each connection, of tasks from this id on."""
    return {name: int(count) for name, count in connection.run(_ERRORS, {"since": task_id})}


def task_of(connection: Connection, attempt_id: str) -> tuple[TaskId, bool] | None:
    """The task of an attempt, and whether that attempt is what the task waits for; None if there is no such attempt."""
    rows = connection.run(_TASK_OF, {"id": attempt_id})
    return (rows[0][0], bool(rows[0][1])) if rows else None


def of_task(connection: Connection, task_id: str) -> list[Attempt]:
    """A task's attempts in order."""
    return [Attempt(*row) for row in connection.run(_OF_TASK, {"task_id": task_id})]


def under_way(connection: Connection, ids: Sequence[str]) -> dict[TaskId, Attempt]:
    """By task, these attempts: which they are, when they were begun and submitted, and at whose API.

    No more than that: a process that takes others' tasks over may hold tens of thousands of them.
    """
    if not ids:
        return {}
    rows = connection.run(_UNDER_WAY, {"wanted": rows_json({"id": attempt_id} for attempt_id in ids)})
    return {row[1]: Attempt(*row[:7], provider=row[7]) for row in rows}


def last_providers(connection: Connection, task_ids: Iterable[str]) -> dict[str, str]:
    """At which provider the last attempt of each of these tasks was made, as far as it is known."""
    wanted = rows_json({"id": task_id} for task_id in sorted(task_ids))
    return dict(connection.run(_LAST, {"wanted": wanted}))
