"""Stages a task reaches on its way: their files are stored, then they are written and told, once each."""

from collections.abc import Sequence

from souk.assets.ingest import IngestFailed
from souk.engine.files import all_stored, filled
from souk.engine.lease import Lease
from souk.providers.base import Running
from souk.store.assets import AssetRow


async def stage_files(lease: Lease, reached: Running) -> list[AssetRow] | None:
    """The files of a stage, stored; None when there is nothing to tell: of a stage told before, or not yet.

    A file that cannot be had ends no task. The stage is told when the file can be had, or never: the result has it.
    """
    if await lease.has_reached(reached.stage):
        return None
    try:
        return await all_stored(lease, reached.files)
    except IngestFailed as error:
        lease.log("stage not told", stage=reached.stage, reason=str(error))
        if not error.retryable:
            lease.pass_over(reached.stage)
        return None


async def tell_stage(lease: Lease, reached: Running, files: Sequence[AssetRow]) -> None:
    """Write a stage, with the files it is the first to tell of."""
    known = await lease.files()
    new = tuple(row for row in files if row.number not in known)
    data = filled(reached.data, {**known, **{row.number: row for row in new}}, lease.id)
    await lease.reach(reached.stage, data, files=new)
