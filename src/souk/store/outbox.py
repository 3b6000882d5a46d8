"""The outbox: callbacks to send, written in the transaction that makes them due and kept until delivered.

A row is claimed by moving its ``next_try_at`` to the end of its lease. The index over pending rows then
starts with what is due, a backlog costs nothing, and the rows of a process that died come due by themselves.
Rows of one task go out in the order of their ``number``: none is claimed while an earlier one is pending.
:mod:`souk.store.sending` is what a deliverer does with them.
"""

from collections.abc import Sequence
from typing import TypedDict
from urllib.parse import urlsplit

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import AccountId, Millis, TaskId

END = "end"
"""The stage of a task's terminal callback."""
END_NUMBER = 1_000_000
"""The terminal callback's place in its task's order: after every earlier stage."""
NOWHERE = "nowhere"
LONGEST_HOST = 255
"""Characters of a host name. No longer one can exist, and an index entry has little room."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OutboxRow(msgspec.Struct, frozen=True, array_like=True):
    """One row of ``outbox``, fields in column order."""

    id: int
    message_id: str
    task_id: TaskId
    account_id: AccountId
    number: int
    stage: str
    endpoint: str
    url: str
    body: str
    state: str
    tries: int
    created_at: Millis
    next_try_at: Millis
    lease_owner: str | None
    lease_until: Millis | None


COLUMNS = ", ".join(f"outbox.{name}" for name in OutboxRow.__struct_fields__)


class NewRow(TypedDict):
    """A callback to enqueue, as :func:`new_row` makes it."""

    message_id: str
    task_id: str
    account_id: int
    number: int
    stage: str
    endpoint: str
    url: str
    body: str
    created_at: int
    next_try_at: int


def new_row(
    task_id: str,
    account_id: int,
    url: str,
    at: int,
    stage: str = END,
    number: int = END_NUMBER,
    body: str = "",
) -> NewRow:
    """A callback that is due from ``at`` on; ``number`` is its place in its task's order.

    ``body`` is what is sent; empty if it is made when it is sent first.
    """
    return NewRow(
        message_id=f"msg_{task_id}_{END if stage == END else number}",
        task_id=task_id,
        account_id=account_id,
        number=number,
        stage=stage,
        endpoint=endpoint_of(url),
        url=url,
        body=body,
        created_at=at,
        next_try_at=at,
    )


def endpoint_of(url: str) -> str:
    """``scheme://host:port`` of an address: the receiver whose deliveries share a lane.

    It is asked while a task ends, so it never fails: what is no address goes to :data:`NOWHERE`, where its
    tries say why.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return NOWHERE
    if not host or port is None or len(host) > LONGEST_HOST:
        return NOWHERE
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


_NEW_SPEC = (
    "message_id text, task_id text, account_id bigint, number int, stage text, "
    "endpoint text, url text, body text, created_at bigint, next_try_at bigint"
)

# A row whose task has an earlier one pending is due no sooner than that one, so blocked rows never crowd the
# head of the index. The terminal row waits only for what is being sent right now: the rest is dropped.
_ENQUEUE = Statement(
    "INSERT INTO outbox (message_id, task_id, account_id, number, stage, endpoint, url, body, "  # noqa: S608 - constant columns
    "state, created_at, next_try_at) SELECT message_id, task_id, account_id, number, stage, endpoint, url, body, "
    "'pending', created_at, COALESCE((SELECT max(e.next_try_at) FROM outbox e WHERE e.task_id = new.task_id "
    "AND e.state = 'pending' AND e.number < new.number "
    "AND (new.stage <> 'end' OR e.lease_owner IS NOT NULL)), next_try_at) "
    f"FROM {{rows:new({_NEW_SPEC})}}"
)


def enqueue(connection: Connection, rows: Sequence[NewRow]) -> None:
    """Store callbacks, inside the transaction of the step they tell of."""
    connection.run(_ENQUEUE, {"new": rows_json(rows)})


_DROP_EARLIER = Statement(
    "UPDATE outbox SET state = 'dropped', body = '' FROM {rows:ended(task_id text)} "
    "WHERE outbox.task_id = ended.task_id AND outbox.state = 'pending' AND outbox.stage <> 'end' "
    "AND outbox.lease_owner IS NULL"
)


def drop_earlier(connection: Connection, task_ids: Sequence[str]) -> None:
    """Drop the undelivered stages of tasks that ended. One being sent is dropped when its try fails."""
    connection.run(_DROP_EARLIER, {"ended": rows_json({"task_id": task_id} for task_id in task_ids)})


_REDELIVER = Statement(
    "UPDATE outbox SET state = 'pending', tries = 0, body = '', next_try_at = :now, "
    "lease_owner = NULL, lease_until = NULL WHERE task_id = :task_id AND state <> 'dropped' "
    "AND (lease_owner IS NULL OR lease_until <= :now) AND (stage = 'end' OR NOT EXISTS ("
    "SELECT 1 FROM outbox l WHERE l.task_id = outbox.task_id AND l.stage = 'end')) RETURNING id"
)


def redeliver(connection: Connection, task_id: TaskId, now: Millis) -> int:
    """Send a task's callbacks again: the terminal one, or every stage so far while the task runs.

    They are rendered anew and have all their tries before them. Returns how many were made due.
    """
    return len(connection.run(_REDELIVER, {"task_id": task_id, "now": now}))


_OF_TASK = Statement(f"SELECT {COLUMNS} FROM outbox WHERE task_id = :task_id ORDER BY number")  # noqa: S608 - constant columns


def of_task(connection: Connection, task_id: TaskId) -> list[OutboxRow]:
    """A task's callbacks, in the order they are sent."""
    return [OutboxRow(*row) for row in connection.run(_OF_TASK, {"task_id": task_id})]


_ENDPOINTS = Statement(
    "WITH RECURSIVE lanes(endpoint) AS ("
    "SELECT min(endpoint) FROM outbox WHERE state = 'pending' UNION ALL "
    "SELECT (SELECT min(o.endpoint) FROM outbox o WHERE o.state = 'pending' AND o.endpoint > lanes.endpoint) "
    "FROM lanes WHERE lanes.endpoint IS NOT NULL) "
    "SELECT endpoint, (SELECT min(o.next_try_at) FROM outbox o WHERE o.state = 'pending' "
    "AND o.endpoint = lanes.endpoint) FROM lanes WHERE endpoint IS NOT NULL"
)


def endpoints(connection: Connection) -> dict[str, Millis]:
    """Every receiver with pending callbacks and when its first is due. Costs two index probes each."""
    return {endpoint: at for endpoint, at in connection.run(_ENDPOINTS) if at is not None}


class Backlog(msgspec.Struct, frozen=True):
    """What waits in the outbox, for the metrics page."""

    pending: int
    late: int
    """Pending and due by now."""
    endpoints: int


_BACKLOG = Statement(
    "SELECT count(*), COALESCE(sum(CASE WHEN next_try_at <= :now THEN 1 ELSE 0 END), 0), "
    "count(DISTINCT endpoint) FROM outbox WHERE state = 'pending'"
)


def backlog(connection: Connection, now: Millis) -> Backlog:
    """Counts over the index of pending rows."""
    pending, late, lanes = connection.run(_BACKLOG, {"now": now})[0]
    return Backlog(int(pending), int(late), int(lanes))
