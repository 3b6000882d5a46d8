"""A task's row: reading it, creating it, and every transition of its life but the last.

Each transition compares owner and epoch, so a worker that lost its lease and wakes late changes nothing.
"""

import operator
from collections.abc import Iterable, Sequence
from sys import intern
from typing import Any

import msgspec

from souk.store.database import Connection, Row
from souk.store.statement import Dialect, Statement, rows_json
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
    """The attempt that is under way; None before the first one, and once the task has ended."""
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
    hops: int
    filled: str | None
    fitted: str | None


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


_LOCK = Statement(
    "SELECT id FROM tasks WHERE id IN (SELECT id FROM {rows:wanted(id text)}) ORDER BY id {for_update}"
)


def lock(connection: Connection, ids: Iterable[str]) -> None:
    """Keep these tasks as they are until the commit: who deletes one and who builds on it wait for each other."""
    connection.run(_LOCK, {"wanted": rows_json({"id": task_id} for task_id in ids)})


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
    "hops": "int",
    "filled": "text",
}
_names = ", ".join(_INSERT_COLUMNS)
_spec = ", ".join(f"{name} {kind}" for name, kind in _INSERT_COLUMNS.items())
_INSERT = Statement(
    f"INSERT INTO tasks ({_names}, updated_at, due_at, state) "  # noqa: S608 - constant column names
    # Due at once by every clock: those of two machines are never quite the same.
    f"SELECT {_names}, created_at, 0, 'waiting' FROM {{rows:new({_spec})}}"
)


def insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store new tasks in state ``waiting``."""
    connection.run(_INSERT, {"new": rows_json(rows)})


CLAIMABLE = "lease_owner IS NULL AND completed_at IS NULL"

_ACCOUNTS_WITH_WORK = Statement(
    # A skip scan over the index of claimable tasks: its cost follows the number of accounts, not of tasks.
    f"WITH RECURSIVE found(account_id) AS ("  # noqa: S608 - constant condition
    f"SELECT (SELECT min(account_id) FROM tasks WHERE {CLAIMABLE} AND account_id > :after) "
    f"UNION ALL SELECT (SELECT min(account_id) FROM tasks WHERE {CLAIMABLE} AND account_id > found.account_id) "
    "FROM found WHERE found.account_id IS NOT NULL) "
    "SELECT account_id FROM found WHERE account_id IS NOT NULL LIMIT :most"
)
_RUNNING = Statement(
    # By node, because that is how the index of leases goes: a look at the account alone would read its whole history.
    "SELECT count(*) FROM (SELECT 1 FROM nodes CROSS JOIN tasks "
    "WHERE tasks.lease_owner = nodes.id AND tasks.account_id = :account_id LIMIT :cap) AS running"
)
_CLAIM = Statement(
    # A task taken over in the middle of its life has taken no step by that: when it last did stays as it is.
    "UPDATE tasks SET lease_owner = :owner, epoch = epoch + 1, "  # noqa: S608 - constant condition
    "updated_at = CASE WHEN state = 'waiting' THEN :now ELSE updated_at END, "
    "state = CASE WHEN state = 'waiting' THEN 'queuing' ELSE state END "
    f"WHERE id IN (SELECT id FROM tasks WHERE account_id = :account_id AND {CLAIMABLE} AND due_at <= :now "
    f"ORDER BY id LIMIT :most {{skip_locked}}) RETURNING {COLUMNS}"
)


def accounts_with_work(connection: Connection, after: int, most: int) -> list[int]:
    """Accounts with claimable tasks, in id order after this one."""
    return [row[0] for row in connection.run(_ACCOUNTS_WITH_WORK, {"after": after, "most": most})]


def running(connection: Connection, account_id: int, cap: int) -> int:
    """How many tasks of an account some engine holds, counted up to ``cap``."""
    return int(connection.run(_RUNNING, {"account_id": account_id, "cap": cap})[0][0])


def claim(connection: Connection, account_id: int, owner: str, most: int, now: int) -> list[TaskRow]:
    """Take up to ``most`` tasks of one account, oldest first."""
    params = {"account_id": account_id, "owner": owner, "most": most, "now": now}
    return sorted(
        (_claimed(row, owner) for row in connection.run(_CLAIM, params)), key=operator.attrgetter("id")
    )


def _claimed(row: Row, owner: str) -> TaskRow:
    """A task that is kept in memory as long as it runs: words that thousands of them share are there once."""
    task = _task(row)
    return msgspec.structs.replace(
        task,
        mode=intern(task.mode),
        dialect=intern(task.dialect),
        model=intern(task.model),
        warnings=intern(task.warnings),
        price=intern(task.price),
        lease_owner=owner,
    )


_ADVANCE_SPEC = (
    "(task text, owner text, term int, at bigint, to_state text, to_attempt text, to_attempts int, to_connection text, "
    "to_model text, to_ref text, to_prepared text, to_outputs text, to_progress int, to_cancel int, to_fitted text)"
)
_ADVANCE = Statement(
    "UPDATE tasks SET updated_at = moves.at, state = COALESCE(moves.to_state, state), "  # noqa: S608 - constant columns
    "attempt_id = COALESCE(moves.to_attempt, attempt_id), attempts = COALESCE(moves.to_attempts, attempts), "
    "connection = COALESCE(moves.to_connection, connection), "
    "upstream_model = COALESCE(moves.to_model, upstream_model), "
    "ref = NULLIF(COALESCE(moves.to_ref, ref), ''), prepared = COALESCE(moves.to_prepared, prepared), "
    "outputs = COALESCE(moves.to_outputs, outputs), fitted = COALESCE(moves.to_fitted, fitted), "
    "progress = CASE WHEN COALESCE(moves.to_progress, 0) > COALESCE(progress, 0) THEN moves.to_progress "
    "ELSE progress END, "
    "cancel_at = CASE WHEN moves.to_cancel = 0 THEN NULL ELSE cancel_at END "
    f"FROM {{rows:moves{_ADVANCE_SPEC}}} "
    "WHERE id = moves.task AND lease_owner = moves.owner AND epoch = moves.term AND completed_at IS NULL "
    "RETURNING id"
)


class Move(msgspec.Struct, frozen=True):
    """A step within a task's life; fields left None stay as they are. ``to_ref=""`` clears the reference."""

    task: str
    owner: str
    term: int
    at: int
    to_state: str | None = None
    to_attempt: str | None = None
    to_attempts: int | None = None
    to_connection: str | None = None
    to_model: str | None = None
    to_ref: str | None = None
    to_prepared: str | None = None
    to_outputs: str | None = None
    to_progress: int | None = None
    to_cancel: int | None = None
    to_fitted: str | None = None


by_task = operator.attrgetter("task")
"""Rows are locked in the order they are given in: the same in every process."""


def advance(connection: Connection, moves: Sequence[Move]) -> set[str]:
    """Carry out steps; returns the ids whose owner and epoch still matched."""
    rows = connection.run(
        _ADVANCE, {"moves": rows_json(map(msgspec.structs.asdict, sorted(moves, key=by_task)))}
    )
    return {row[0] for row in rows}


_HAND_BACK = Statement(
    "UPDATE tasks SET lease_owner = NULL WHERE lease_owner IN (SELECT owner FROM {rows:owners(owner text)}) "
    "AND completed_at IS NULL"
)


def hand_back(connection: Connection, owners: Iterable[str]) -> None:
    """Give up every lease of these nodes; whoever claims next carries on from the stored state."""
    connection.run(_HAND_BACK, {"owners": rows_json({"owner": owner} for owner in owners)})


_RETURN = Statement(
    "UPDATE tasks SET lease_owner = NULL, due_at = back.due "
    "FROM {rows:back(task text, owner text, term int, due bigint)} "
    "WHERE id = back.task AND lease_owner = back.owner AND epoch = back.term AND completed_at IS NULL"
)


def hand_back_one(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Give up single leases, to be claimed again from ``due`` on."""
    connection.run(_RETURN, {"back": rows_json(rows)})


_CANCELLING = Statement(
    # The comparison is what makes SQLite, too, prefer the index of these few to that of all leases.
    "SELECT id FROM tasks WHERE lease_owner = :owner AND cancel_at > 0 AND completed_at IS NULL"
)


def cancelling(connection: Connection, owner: str) -> list[TaskId]:
    """Tasks of this node that someone asked to cancel."""
    return [row[0] for row in connection.run(_CANCELLING, {"owner": owner})]


_CONCURRENCY = Statement("SELECT concurrency FROM accounts WHERE id = :account_id {skip_locked}")


def lock_concurrency(connection: Connection, account_id: int, default: int) -> int | None:
    """How many tasks of an account may run at once; 0 = no limit, None = another process counts them just now.

    The account stays locked until the commit, so that processes that claim at once do not both fill its last place.
    """
    rows = connection.run(_CONCURRENCY, {"account_id": account_id})
    if not rows:
        return None
    return default if rows[0][0] is None else int(rows[0][0])


_QUEUE_FOR = Statement("SELECT pg_advisory_xact_lock(hashtext(:name))")
_IN_FLIGHT = Statement(
    "SELECT count(*) FROM (SELECT 1 FROM tasks WHERE connection = :name "
    "AND state IN ('submitting', 'review', 'generating') LIMIT :most) AS flying"
)


def queue_for(connection: Connection, name: str) -> None:
    """Let nobody else count what is in flight on a connection until the commit."""
    if connection.dialect is Dialect.POSTGRESQL:
        connection.run(_QUEUE_FOR, {"name": name})


def in_flight(connection: Connection, name: str, most: int) -> int:
    """How many tasks an upstream connection has or may have, over all processes, counted up to ``most``."""
    return int(connection.run(_IN_FLIGHT, {"name": name, "most": most})[0][0])


_FLYING = Statement(
    "SELECT connection, count(*) FROM tasks WHERE state IN ('submitting', 'review', 'generating') "
    "AND connection IS NOT NULL GROUP BY connection"
)


def flying(connection: Connection) -> dict[str, int]:
    """How many tasks each connection has in flight."""
    return {name: int(count) for name, count in connection.run(_FLYING)}


_ASK_CANCEL = Statement(
    "UPDATE tasks SET cancel_at = :now WHERE id = :id AND completed_at IS NULL AND cancel_at IS NULL "
    "RETURNING lease_owner, epoch, attempt_id"
)
_KEEP = Statement("UPDATE tasks SET keep = :keep WHERE id = :id")


def ask_cancel(connection: Connection, task_id: str, now: int) -> tuple[str | None, int, str | None] | None:
    """Note that someone wants a task cancelled: its owner, epoch and attempt; None if it has ended or was asked."""
    rows = connection.run(_ASK_CANCEL, {"id": task_id, "now": now})
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def keep(connection: Connection, task_id: str, keep: bool) -> None:
    """Protect a task from retention, or no longer."""
    connection.run(_KEEP, {"id": task_id, "keep": int(keep)})
