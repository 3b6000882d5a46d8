"""Rows of ``blocks``: credits set aside for one key's chat in one process. A row lives as long as its block is open."""
# ruff: noqa: S608 - the column names in these statements are constants

from collections.abc import Iterable, Sequence

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json


class BlockRow(msgspec.Struct, frozen=True):
    """An open block: ``spent`` of ``amount`` is known to be used up."""

    id: str
    account_id: int
    mode: str
    key_id: int
    amount: int
    spent: int
    opened_at: int
    owner: str
    """The process that draws on it."""
    lease_until: int


class Told(msgspec.Struct, frozen=True):
    """What a process tells of its block: how much is spent by now, and until when nobody else may close it."""

    block: str
    spent: int
    until: int


_NAMES = ", ".join(BlockRow.__struct_fields__)
_INSERT = Statement(
    f"INSERT INTO blocks ({_NAMES}) SELECT {_NAMES} FROM {{rows:new(id text, account_id bigint, mode text, "
    "key_id bigint, amount bigint, spent bigint, opened_at bigint, owner text, lease_until bigint)}"
)
_LOCK = Statement(
    f"SELECT {_NAMES} FROM blocks WHERE id IN (SELECT id FROM {{rows:wanted(id text)}}) ORDER BY id {{for_update}}"
)
_FLUSH = Statement(
    "UPDATE blocks SET spent = told.spent, lease_until = told.until "
    "FROM {rows:told(block text, spent bigint, until bigint)} WHERE id = told.block RETURNING id"
)
_LEFT = Statement(
    f"SELECT {_NAMES} FROM blocks WHERE lease_until < :now OR (owner <> :owner AND "
    "substr(owner, 1, length(:slot)) = :slot AND :slot <> '') ORDER BY id LIMIT :most {skip_locked}"
)
_ANY_LAPSED = Statement("SELECT 1 FROM blocks WHERE lease_until < :now LIMIT 1")
_DELETE = Statement("DELETE FROM blocks WHERE id IN (SELECT id FROM {rows:gone(id text)})")


def insert(connection: Connection, rows: Sequence[BlockRow]) -> None:
    connection.run(_INSERT, {"new": rows_json(map(msgspec.structs.asdict, rows))})


def lock(connection: Connection, ids: Iterable[str]) -> dict[str, BlockRow]:
    """Lock these blocks, in id order in every process, and read those that are still open."""
    rows = connection.run(_LOCK, {"wanted": rows_json({"id": id} for id in sorted(ids))})
    return {row[0]: BlockRow(*row) for row in rows}


def flush(connection: Connection, told: Iterable[Told]) -> set[str]:
    """Write down what is spent and renew the leases; the ids of those that are still open."""
    return {row[0] for row in connection.run(_FLUSH, {"told": rows_json(map(msgspec.structs.asdict, told))})}


def left_behind(connection: Connection, now: int, owner: str, slot: str, most: int) -> list[BlockRow]:
    """Lock and read blocks nobody draws on any more: their lease ran out, or an earlier life of a slot had them.

    ``slot`` is the beginning that all owners of the slot share; empty = go by leases only.
    """
    span = {"now": now, "owner": owner, "slot": slot, "most": most}
    return [BlockRow(*row) for row in connection.run(_LEFT, span)]


def any_lapsed(connection: Connection, now: int) -> bool:
    """Whether some block's lease has run out."""
    return bool(connection.run(_ANY_LAPSED, {"now": now}))


def delete(connection: Connection, ids: Iterable[str]) -> None:
    connection.run(_DELETE, {"gone": rows_json({"id": id} for id in ids)})
