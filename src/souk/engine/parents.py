"""What a task's input names of earlier work: which tasks and pieces that is, and the files they stand for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from souk.assets.media import Rule
from souk.catalog.media import field_of
from souk.catalog.model import Model
from souk.catalog.parents import NamedParent
from souk.providers.base import ParentRef
from souk.store import assets, attempts, pieces, tasks
from souk.store.assets import AssetRow
from souk.store.database import Connection
from souk.store.pieces import Piece
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import JsonObject, Millis, TaskId, TaskState

M = TypeVar("M")
Given = Sequence[tuple[str, str, Rule]]
"""The addresses in a task's input, in order, each with its catalogue path and rule."""


class ParentUnknown(Exception):
    """A parent that was not looked for at create does not exist, or does no longer. The message is for its child."""


@dataclass(frozen=True, slots=True)
class Parent:
    """An earlier task or piece that exists."""

    task_id: TaskId
    connection: str
    ref: str
    """What it is called upstream."""
    asset_id: str | None = None
    """The one file it stands for; None means all of its task."""
    kind: str = ""
    data: JsonObject = field(default_factory=dict[str, Any])


def find_parents(
    connection: Connection, account_id: int, mode: str, named: Sequence[NamedParent], now: Millis
) -> list[Parent | None]:
    """Each parent, or None where no finished work of this account and mode, alive at ``now``, fits its field."""
    wanted = [parent.id for parent in named if parent.kind == "piece"]
    found = pieces.find(connection, account_id, mode, wanted, now) if wanted else {}
    rows = tasks.fetch(connection, [TaskId(parent.id) for parent in named if parent.kind == "task"])
    mine = {row.id: row for row in rows.values() if (row.account_id, row.mode) == (account_id, mode)}
    return [
        _piece(parent, found.get(parent.id))
        if parent.kind == "piece"
        else _task(parent, mine.get(TaskId(parent.id)))
        for parent in named
    ]


def _piece(named: NamedParent, piece: Piece | None) -> Parent | None:
    if piece is None or piece.kind not in (named.field.kinds or (piece.kind,)):
        return None
    if named.task not in ("", piece.task_id):
        return None
    return Parent(
        task_id=piece.task_id,
        connection=piece.connection or "",
        ref=piece.upstream_ref or "",
        asset_id=piece.asset_id,
        kind=piece.kind,
        data=msgspec.json.decode(piece.data),
    )


def _task(named: NamedParent, row: TaskRow | None) -> Parent | None:
    if row is None or row.state != TaskState.SUCCESS or row.model not in (named.field.models or (row.model,)):
        return None
    return Parent(row.id, row.connection or "", row.ref or "")


def unknown_parent(named: NamedParent) -> str:
    """What the owner of a child hears. The same of unknown work, of others' and of what does not fit."""
    what = "finished task" if named.kind == "task" else "id of an earlier result"
    return f"{named.path} names no {what} of this account"


async def parent_files(
    model: Model,
    task: TaskRow,
    given: JsonObject,
    reads: Reads,
    make: Callable[[Given, Mapping[str, Sequence[AssetRow]]], M],
) -> M:
    """Hand ``make`` a task's inputs and the result files of the work its parent fields name; ``given`` is its input."""
    urls = list(model.media_urls(given))
    rules = dict(model.media_fields()) if urls else {}
    inputs = [(path, url, rules[path]) for path, url in urls]
    named = model.parents(given)
    if not named:
        return make(inputs, {})
    return make(inputs, await reads.run(lambda connection: _files(connection, task, named)))


def _files(connection: Connection, task: TaskRow, named: list[NamedParent]) -> dict[str, list[AssetRow]]:
    found = _of_task(connection, task, named)
    rows = assets.of_tasks(connection, {parent.task_id for parent in found if parent is not None})
    files: dict[str, list[AssetRow]] = {}
    for name, parent in zip(named, found, strict=True):
        whole = rows.get(parent.task_id, []) if parent is not None else []
        own = [row for row in whole if parent is None or parent.asset_id in (None, row.id)]
        files.setdefault(field_of(name.path), []).extend(own)
    return files


async def parent_refs(model: Model, task: TaskRow, given: JsonObject, reads: Reads) -> tuple[ParentRef, ...]:
    """What is known of the parents in a task's input, and how the upstreams that made them call them.

    Raises ParentUnknown.
    """
    named = model.parents(given)
    if not named:
        return ()

    def look(connection: Connection) -> tuple[list[Parent | None], dict[str, str]]:
        found = _of_task(connection, task, named)
        return found, attempts.last_providers(connection, {parent.task_id for parent in found if parent})

    found, made_at = await reads.run(look)
    refs: list[ParentRef] = []
    for name, parent in zip(named, found, strict=True):
        if parent is not None:
            path = field_of(name.path)
            at = made_at.get(parent.task_id, "")
            refs.append(ParentRef(path, name.id, parent.connection, parent.ref, parent.data, parent.kind, at))
        elif name.field.late and task.attempt_id is None:
            raise ParentUnknown(f"{unknown_parent(name)}; nothing was charged")
    return tuple(refs)


def _of_task(connection: Connection, task: TaskRow, named: list[NamedParent]) -> list[Parent | None]:
    # What was alive when the task was made is kept for it since.
    return find_parents(connection, task.account_id, task.mode, named, Millis(task.created_at))
