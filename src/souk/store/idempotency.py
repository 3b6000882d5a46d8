"""Idempotency keys: which create a caller's key already made."""

from collections.abc import Iterable, Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import Millis


class Bound(msgspec.Struct, frozen=True):
    """A caller's key, the scope it is unique in, and the body it stands for."""

    account_id: int
    operation: str
    """The create call and the mode, so that modes never meet."""
    key: str
    body_hash: str

    @property
    def scope(self) -> tuple[int, str, str]:
        return (self.account_id, self.operation, self.key)


_SPEC = "(account_id bigint, operation text, key text)"
_FIND = Statement(
    f"SELECT i.account_id, i.operation, i.key, i.body_hash, i.task_id FROM {{rows:wanted{_SPEC}}} "  # noqa: S608 - constant columns
    "JOIN idempotency i ON i.account_id = wanted.account_id AND i.operation = wanted.operation "
    "AND i.key = wanted.key"
)
_INSERT = Statement(
    "INSERT INTO idempotency (account_id, operation, key, body_hash, task_id, created_at) "
    "SELECT account_id, operation, key, body_hash, task_id, created_at FROM {rows:new(account_id bigint, "
    "operation text, key text, body_hash text, task_id text, created_at bigint)}"
)
_FORGET = Statement(
    "DELETE FROM idempotency WHERE (account_id, operation, key) IN (SELECT account_id, operation, key "
    "FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT :most) RETURNING task_id"
)


def find(connection: Connection, bounds: Iterable[Bound]) -> dict[tuple[int, str, str], tuple[str, str]]:
    """``(body hash, task id)`` by scope, for the keys that are taken."""
    wanted = [
        {"account_id": bound.account_id, "operation": bound.operation, "key": bound.key} for bound in bounds
    ]
    rows = connection.run(_FIND, {"wanted": rows_json(wanted)})
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def insert(connection: Connection, bindings: Sequence[tuple[Bound, str]], now: Millis) -> None:
    """Bind keys to the tasks they made."""
    rows = [
        {**msgspec.structs.asdict(bound), "task_id": task_id, "created_at": now}
        for bound, task_id in bindings
    ]
    connection.run(_INSERT, {"new": rows_json(rows)})


def forget(connection: Connection, before: Millis, most: int) -> int:
    """Free the oldest keys bound before this moment, so many at once; how many that were."""
    return len(connection.run(_FORGET, {"before": before, "most": most}))
