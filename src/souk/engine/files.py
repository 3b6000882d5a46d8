"""A task's files: each brought into storage once, at the stage that tells of it or else at the task's end."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from souk.assets.ingest import IngestFailed
from souk.assets.links import link
from souk.engine.access import access_to
from souk.engine.lease import Lease
from souk.ids import piece_id
from souk.providers.base import OutputFile
from souk.store.assets import AssetRow
from souk.words import JsonObject, TaskId

PARALLEL_INGESTS = 4
AWAY_SECONDS = 2.0
"""Until a storage that was away is tried again; a try takes long by itself."""


async def all_stored(lease: Lease, outputs: Sequence[OutputFile]) -> list[AssetRow]:
    """Every file, stored; what a stage already told of is taken as it is, and not read again.

    Raises IngestFailed, but only once no file is under way any more: a next try uses the same spooled files, and a
    copy still being stored from the last one would get in its way.
    """
    known = await lease.files()
    gate = asyncio.Semaphore(PARALLEL_INGESTS)

    async def one(number: int, output: OutputFile) -> AssetRow:
        if number in known:
            return known[number]
        async with gate:
            return await _stored(lease, output, number)

    if len(outputs) == 1:
        return [await one(0, outputs[0])]
    ends = await asyncio.gather(
        *(one(number, output) for number, output in enumerate(outputs)), return_exceptions=True
    )
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        raise min(failures, key=_worth_another_try)
    return [end for end in ends if isinstance(end, AssetRow)]


async def _stored(lease: Lease, output: OutputFile, number: int) -> AssetRow:
    """One file, stored. While the storage is away, a file that is at hand waits for it as long as its task has time."""
    while True:
        try:
            access = await access_to(lease, output)
            return await lease.world.ingest.from_output(
                output,
                account_id=lease.task.account_id,
                task_id=lease.id,
                number=number,
                headers=access.headers,
                trusted=access.trusted,
            )
        except IngestFailed as error:
            if output.url or not error.away or lease.seconds_left <= AWAY_SECONDS:
                raise
            lease.log("storage is away", reason=str(error))
        await lease.world.clock.sleep(AWAY_SECONDS)


def filled(node: Any, files: Mapping[int, AssetRow], task_id: TaskId) -> Any:
    """The same object with stored addresses in place of ``{"$file": n}`` and our ids of ``{"$piece": n}``."""
    if isinstance(node, dict):
        found = cast(JsonObject, node)
        if "$file" in found:
            return link(files[int(found["$file"])].path)
        if "$piece" in found:
            return piece_id(task_id, int(found["$piece"]))
        return {name: filled(value, files, task_id) for name, value in found.items()}
    if isinstance(node, list):
        return [filled(item, files, task_id) for item in cast(list[Any], node)]
    return node


def _worth_another_try(failure: BaseException) -> bool:
    """False for what no repetition cures; that is what the task must hear of first."""
    return isinstance(failure, IngestFailed) and failure.retryable
