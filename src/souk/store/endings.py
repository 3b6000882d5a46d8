"""The last transition of a task's row: its terminal state, written once."""

from collections.abc import Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.store.tasks import TaskRow, by_task


class Ending(msgspec.Struct, frozen=True):
    """The last step of a task. ``owner`` None ends a task nobody has claimed."""

    task: str
    owner: str | None
    term: int
    at: int
    to_state: str
    to_captured: int
    to_result: str | None = None
    to_kind: str | None = None
    to_code: int | None = None
    to_message: str | None = None


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """What the settlement of an ended task needs."""

    id: str
    account_id: int
    mode: str
    key_id: int
    hold: int
    captured: int
    created_at: int
    callback_url: str | None
    pins: int


_END = Statement(
    "UPDATE tasks SET state = ends.to_state, updated_at = ends.at, completed_at = ends.at, lease_owner = NULL, "
    "captured = CASE WHEN ends.to_captured > hold THEN hold ELSE ends.to_captured END, "
    "result = ends.to_result, fail_kind = ends.to_kind, fail_code = ends.to_code, "
    "fail_message = ends.to_message, outputs = NULL, prepared = NULL, attempt_id = NULL "
    "FROM {rows:ends(task text, owner text, term int, at bigint, to_state text, to_captured bigint, "
    "to_result text, to_kind text, to_code int, to_message text)} "
    "WHERE id = ends.task AND lease_owner IS NOT DISTINCT FROM ends.owner AND epoch = ends.term "
    "AND completed_at IS NULL "
    "RETURNING id, account_id, mode, key_id, hold, captured, created_at, callback_url, pins"
)


def end(connection: Connection, endings: Sequence[Ending]) -> list[Ended]:
    """Write terminal states, once; returns those whose owner and epoch still matched."""
    rows = connection.run(
        _END, {"ends": rows_json(map(msgspec.structs.asdict, sorted(endings, key=by_task)))}
    )
    return [Ended(*row) for row in rows]


def ended(task: TaskRow, ending: Ending) -> TaskRow:
    """The row of a task as an ending will leave it."""
    return msgspec.structs.replace(
        task,
        state=ending.to_state,
        updated_at=ending.at,
        completed_at=ending.at,
        lease_owner=None,
        captured=min(ending.to_captured, task.hold),
        result=ending.to_result,
        fail_kind=ending.to_kind,
        fail_code=ending.to_code,
        fail_message=ending.to_message,
        outputs=None,
        prepared=None,
        attempt_id=None,
    )
