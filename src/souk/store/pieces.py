"""Pieces: addressable outputs of tasks (characters, clips, songs), each with an id of ours."""

from collections.abc import Iterable, Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json


class Piece(msgspec.Struct, frozen=True):
    id: str
    task_id: str
    account_id: int
    mode: str
    kind: str
    asset_id: str | None
    connection: str | None
    """The connection whose upstream knows ``upstream_ref``; a child that needs it is pinned there."""
    upstream_ref: str | None
    created_at: int


_NAMES = ", ".join(Piece.__struct_fields__)
_INSERT = Statement(
    f"INSERT INTO pieces ({_NAMES}) SELECT {_NAMES} FROM {{rows:new(id text, task_id text, account_id bigint, "  # noqa: S608 - constant columns
    "mode text, kind text, asset_id text, connection text, upstream_ref text, created_at bigint)}"
)
_FIND = Statement(
    f"SELECT {', '.join('p.' + name for name in Piece.__struct_fields__)} "  # noqa: S608 - constant columns
    "FROM {rows:wanted(id text)} JOIN pieces p ON p.id = wanted.id "
    "WHERE p.account_id = :account_id AND p.mode = :mode"
)


def insert(connection: Connection, pieces: Sequence[Piece]) -> None:
    if pieces:
        connection.run(_INSERT, {"new": rows_json(map(msgspec.structs.asdict, pieces))})


def find(connection: Connection, account_id: int, mode: str, ids: Iterable[str]) -> dict[str, Piece]:
    """These pieces, as far as they exist in this account and mode."""
    wanted = rows_json({"id": piece_id} for piece_id in ids)
    rows = connection.run(_FIND, {"wanted": wanted, "account_id": account_id, "mode": mode})
    return {row[0]: Piece(*row) for row in rows}
