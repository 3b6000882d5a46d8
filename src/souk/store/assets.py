"""Rows of ``assets``, one per stored file: written when a task finishes, read by links, dropped by retention.

A row is the promise that its bytes are in storage: it is inserted only after they are synced, and it is
deleted before they are. Bytes without a row are therefore never needed.
"""
# ruff: noqa: S608 - the column names in these statements are constants of this file

from collections.abc import Iterable, Sequence

import msgspec

from souk.store.database import Connection, Row
from souk.store.statement import Statement, rows_json
from souk.words import AssetId, Millis, TaskId


class AssetRow(msgspec.Struct, frozen=True, array_like=True):
    """One row of ``assets``, fields in column order."""

    id: AssetId
    account_id: int
    task_id: TaskId | None
    kind: str
    number: int
    path: str
    """Where it lies below the storage's root, and its link's path. It holds the id: see :func:`path_of`."""
    name: str
    """What an upload is called. Empty: as its path ends, as all results are."""
    media_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    seconds_ms: int | None
    created_at: int
    expires_at: int | None
    link: str | None = None
    """Where an upload is served, if not at its path. Of files with one link, that which lives longest counts."""

    @property
    def shown_name(self) -> str:
        """What the file is called for those who save it."""
        return self.name or _last_part(self.path)


SUPERSEDED_MS = 60_000
"""How long a file stays after another upload took its link."""

_ID_DIGITS = 32
_NAMES = AssetRow.__struct_fields__
_COLUMNS = ", ".join(_NAMES)
_A_COLUMNS = ", ".join(f"a.{name}" for name in _NAMES)
_INTS = frozenset({"number", "width", "height"})
_BIGINTS = frozenset({"account_id", "size", "seconds_ms", "created_at", "expires_at"})


def _type(name: str) -> str:
    return "int" if name in _INTS else "bigint" if name in _BIGINTS else "text"


_SPEC = ", ".join(f"{name} {_type(name)}" for name in _NAMES)

_INSERT = Statement(f"INSERT INTO assets ({_COLUMNS}) SELECT {_COLUMNS} FROM {{rows:new({_SPEC})}}")
_HERE = "a.id = wanted.id AND a.path = wanted.path"
_FIND = Statement(f"SELECT {_A_COLUMNS} FROM {{rows:wanted(id text, path text)}} JOIN assets a ON {_HERE}")
ALIVE = "(a.expires_at IS NULL OR a.expires_at > :now OR t.keep = 1)"
"""Condition: file ``a``, whose task is ``t`` if it has one, has not expired. The row may outlive the file's time."""
_SERVED = Statement(
    f"SELECT {_A_COLUMNS} FROM assets a LEFT JOIN tasks t ON t.id = a.task_id "
    f"WHERE a.id = :id AND a.path = :path AND {ALIVE}"
)
_LINKED = Statement(
    f"SELECT {_A_COLUMNS} FROM assets a WHERE a.link = :link AND a.expires_at > :now "
    "ORDER BY a.expires_at DESC LIMIT 1"
)
_LIVING = Statement(
    f"SELECT wanted.path, {_A_COLUMNS} FROM {{rows:wanted(id text, path text)}} JOIN assets a ON {_HERE} "
    f"LEFT JOIN tasks t ON t.id = a.task_id WHERE {ALIVE} UNION ALL "
    f"SELECT wanted.path, {_A_COLUMNS} FROM {{rows:wanted(path text)}} JOIN assets a ON a.link = wanted.path "
    "WHERE a.expires_at > :now"
)
_NEWEST = Statement("SELECT path FROM assets WHERE expires_at > :now ORDER BY id DESC LIMIT :most")
_PINNED = Statement(
    f"SELECT {_A_COLUMNS} FROM assets a JOIN pins p ON p.target = a.id WHERE a.link = :link AND p.task_id = :task_id"
)
_SUPERSEDE = Statement(
    # A create that has just seen the old file may still pin it; the strict order keeps the new one in front.
    "UPDATE assets SET expires_at = CASE WHEN expires_at - 1 < :until THEN expires_at - 1 ELSE :until END "
    "WHERE link = :link AND expires_at > :now"
)
_OF_TASKS = Statement(
    f"SELECT {_A_COLUMNS} FROM {{rows:wanted(id text)}} JOIN assets a ON a.task_id = wanted.id "
    "ORDER BY a.task_id, a.number"
)
_SPARED = (
    "(EXISTS (SELECT 1 FROM tasks t WHERE t.id = a.task_id AND t.keep = 1) "
    "OR EXISTS (SELECT 1 FROM pins p JOIN tasks u ON u.id = p.task_id "
    "WHERE p.target IN (a.id, a.task_id) AND u.completed_at IS NULL))"
)
_EXPIRED = Statement(
    f"SELECT a.id, a.expires_at, CASE WHEN {_SPARED} THEN 1 ELSE 0 END FROM assets a "
    "WHERE a.expires_at >= :since AND a.expires_at <= :before ORDER BY a.expires_at LIMIT :most"
)
_DROP_EXPIRED = Statement(
    "DELETE FROM assets WHERE id IN (SELECT a.id FROM assets a "
    "WHERE a.id IN (SELECT id FROM {rows:asked(id text)}) "
    f"AND a.expires_at <= :before AND NOT {_SPARED} {{skip_locked}}) RETURNING path"
)


def path_of(segment: str, id: AssetId, rest: str) -> str:
    """The path of a file whose link begins with this segment.

    It holds the file's id, so no two files have one path, and a file is found by its path without an index of paths.
    """
    return f"{segment}/{id}{rest}"


def _id_in(path: str) -> str:
    """The id that a path of ours holds; of any other path, something that is no id of a file there."""
    return _last_part(path)[:_ID_DIGITS]


def _last_part(path: str) -> str:
    return path.rpartition("/")[2]


def _wanted(paths: Iterable[str]) -> str:
    return rows_json({"id": _id_in(path), "path": path} for path in paths)


def _asset(row: Row) -> AssetRow:
    return AssetRow(*row)


def insert(connection: Connection, rows: Sequence[AssetRow]) -> None:
    """Record stored files. Their bytes must be in storage already."""
    if rows:
        connection.run(_INSERT, {"new": rows_json(msgspec.structs.asdict(row) for row in rows)})


def find(connection: Connection, paths: Iterable[str]) -> dict[str, AssetRow]:
    """The rows of these paths, as far as they exist, expired or not."""
    rows = connection.run(_FIND, {"wanted": _wanted(paths)})
    return {asset.path: asset for asset in map(_asset, rows)}


def living(connection: Connection, paths: Iterable[str], now: Millis) -> dict[str, AssetRow]:
    """The files behind these paths and links that exist and have not expired, by what was asked for."""
    params = {"wanted": _wanted(paths), "now": now}
    found: dict[str, AssetRow] = {}
    for path, *row in connection.run(_LIVING, params):
        asset, other = AssetRow(*row), found.get(path)
        if other is None or (asset.expires_at or 0) > (other.expires_at or 0):
            found[path] = asset
    return found


def newest(connection: Connection, now: Millis, most: int) -> list[str]:
    """The paths of the files stored last that have not expired."""
    return [row[0] for row in connection.run(_NEWEST, {"now": now, "most": most})]


def served(connection: Connection, path: str, now: Millis) -> AssetRow | None:
    """The file behind a path; None if there is none or it has expired."""
    rows = connection.run(_SERVED, {"id": _id_in(path), "path": path, "now": now})
    return _asset(rows[0]) if rows else None


def linked(connection: Connection, link: str, now: Millis) -> AssetRow | None:
    """The upload behind a link; None if there is none or it has expired."""
    rows = connection.run(_LINKED, {"link": link, "now": now})
    return _asset(rows[0]) if rows else None


def pinned(connection: Connection, link: str, task_id: TaskId) -> AssetRow | None:
    """The upload that a task found behind a link when it was created, whatever took its place since."""
    rows = connection.run(_PINNED, {"link": link, "task_id": task_id})
    return _asset(rows[0]) if rows else None


def supersede(connection: Connection, link: str, now: Millis) -> None:
    """Give up a link for another upload that is about to take it: the files that have it expire shortly."""
    connection.run(_SUPERSEDE, {"link": link, "now": now, "until": now + SUPERSEDED_MS})


def of_tasks(connection: Connection, task_ids: Iterable[TaskId]) -> dict[TaskId, list[AssetRow]]:
    """The result files of these tasks, in order."""
    found: dict[TaskId, list[AssetRow]] = {}
    for row in connection.run(_OF_TASKS, {"wanted": rows_json({"id": task_id} for task_id in task_ids)}):
        asset = _asset(row)
        found.setdefault(asset.task_id or TaskId(""), []).append(asset)
    return found


class Expired(msgspec.Struct, frozen=True, array_like=True):
    """A file past its time."""

    id: AssetId
    at: Millis
    """When it expired."""
    spared: bool
    """It is a kept task's, or an unfinished task pinned it or its task."""


def expired(connection: Connection, since: Millis, before: Millis, most: int) -> list[Expired]:
    """Files that expired between two moments, both included, oldest first."""
    rows = connection.run(_EXPIRED, {"since": since, "before": before, "most": most})
    return [Expired(id, at, bool(spared)) for id, at, spared in rows]


def drop_expired(connection: Connection, ids: Iterable[str], before: Millis) -> list[str]:
    """Delete those of these rows that expired before a moment and are not spared by now; whose bytes may go."""
    asked = rows_json({"id": id} for id in ids)
    return [row[0] for row in connection.run(_DROP_EXPIRED, {"asked": asked, "before": before})]
