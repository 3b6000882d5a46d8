"""Pieces: addressable outputs of tasks (characters, clips, songs), each with an id of ours."""
# ruff: noqa: S608 - the column names and conditions in these statements are constants

from collections.abc import Iterable, Sequence

import msgspec

from souk.store.assets import ALIVE
from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.words import Millis, TaskId


class Piece(msgspec.Struct, frozen=True):
    """One row of ``pieces``."""

    id: str
    task_id: TaskId
    number: int
    """Its place among the pieces of its task."""
    account_id: int
    mode: str
    kind: str
    asset_id: str | None
    """The stored file it is heard or seen in, if it has one of its own."""
    connection: str | None
    """The connection whose upstream knows ``upstream_ref``; a child that needs it is pinned there."""
    upstream_ref: str | None
    data: str
    """What its provider wrote down about it, as a JSON object."""
    created_at: int


_NAMES = ", ".join(Piece.__struct_fields__)
_P_NAMES = ", ".join(f"p.{name}" for name in Piece.__struct_fields__)
_INSERT = Statement(
    f"INSERT INTO pieces ({_NAMES}) SELECT {_NAMES} FROM {{rows:new(id text, task_id text, number int, "
    "account_id bigint, mode text, kind text, asset_id text, connection text, upstream_ref text, data text, "
    "created_at bigint)} WHERE true ON CONFLICT DO NOTHING"
)
_FIND = Statement(
    f"SELECT {_P_NAMES} FROM {{rows:wanted(id text)}} JOIN pieces p ON p.id = wanted.id "
    "WHERE p.account_id = :account_id AND p.mode = :mode AND (p.asset_id IS NULL OR EXISTS ("
    f"SELECT 1 FROM assets a LEFT JOIN tasks t ON t.id = a.task_id WHERE a.id = p.asset_id AND {ALIVE}))"
)
_OF_TASK = Statement(f"SELECT {_P_NAMES} FROM pieces p WHERE p.task_id = :task_id ORDER BY p.number")


def insert(connection: Connection, pieces: Sequence[Piece]) -> None:
    """Record what tasks made. A piece that is there already stays as it is."""
    if pieces:
        connection.run(_INSERT, {"new": rows_json(map(msgspec.structs.asdict, pieces))})


def find(
    connection: Connection, account_id: int, mode: str, ids: Iterable[str], now: Millis
) -> dict[str, Piece]:
    """These pieces, as far as they exist in this account and mode and their files have not expired by ``now``."""
    wanted = rows_json({"id": piece_id} for piece_id in ids)
    params = {"wanted": wanted, "account_id": account_id, "mode": mode, "now": now}
    return {row[0]: Piece(*row) for row in connection.run(_FIND, params)}


def of_task(connection: Connection, task_id: TaskId) -> list[Piece]:
    """The pieces a task made, in order."""
    return [Piece(*row) for row in connection.run(_OF_TASK, {"task_id": task_id})]
