"""Which files a task's input stands for: its own addresses with their rules, and the results of its parents."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from souk.assets.media import Rule
from souk.catalog.media import field_of
from souk.catalog.model import Model
from souk.providers.base import ParentRef
from souk.store import assets, pieces, tasks
from souk.store.assets import AssetRow
from souk.store.database import Connection
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import TaskId

M = TypeVar("M")


async def parent_files(
    model: Model,
    task: TaskRow,
    reads: Reads,
    make: Callable[[Sequence[tuple[str, str, Rule]], Mapping[str, Sequence[AssetRow]]], M],
) -> M:
    """Hand ``make`` a task's inputs and the result files of the tasks its parent fields name."""
    given = json.loads(task.input)
    rules = dict(model.media_fields())
    inputs = [(path, url, rules[path]) for path, url in model.media_urls(given)]
    named = model.parents(given)
    if not named:
        return make(inputs, {})
    return make(inputs, await reads.run(lambda connection: _results(connection, task, named)))


def _results(
    connection: Connection, task: TaskRow, named: list[tuple[str, str, str]]
) -> dict[str, list[AssetRow]]:
    wanted = [id for _, id, kind in named if kind == "piece"]
    found = pieces.find(connection, task.account_id, task.mode, wanted)
    owner = {id: TaskId(found[id].task_id) if id in found else TaskId(id) for _, id, _ in named}
    rows = assets.of_tasks(connection, set(owner.values()))
    results: dict[str, list[AssetRow]] = {}
    for path, id, _ in named:
        results.setdefault(field_of(path), []).extend(rows.get(owner[id], []))
    return results


async def parent_refs(model: Model, task: TaskRow, reads: Reads) -> tuple[ParentRef, ...]:
    """How the upstreams that made a live task's parents call them."""
    named = model.parents(json.loads(task.input))
    return await reads.run(lambda connection: _refs(connection, task, named)) if named else ()


def _refs(connection: Connection, task: TaskRow, named: list[tuple[str, str, str]]) -> tuple[ParentRef, ...]:
    found = pieces.find(
        connection, task.account_id, task.mode, [id for _, id, kind in named if kind == "piece"]
    )
    rows = tasks.fetch(connection, [id for _, id, kind in named if kind == "task"])
    refs: list[ParentRef] = []
    for path, id, _ in named:
        piece, row = found.get(id), rows.get(TaskId(id))
        if piece is not None:
            refs.append(ParentRef(field_of(path), id, piece.connection or "", piece.upstream_ref or ""))
        elif row is not None:
            refs.append(ParentRef(field_of(path), id, row.connection or "", row.ref or ""))
    return tuple(refs)
