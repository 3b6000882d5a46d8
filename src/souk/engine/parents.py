"""Which files a task's input stands for: its own addresses with their rules, and the results of its parents."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from souk.assets.media import Rule
from souk.catalog.media import field_of
from souk.catalog.model import Model
from souk.store import assets, pieces
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
