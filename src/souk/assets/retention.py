"""Letting files go: results past their days, and bytes that no row claims. Run now and then by the engine.

A row goes first and its bytes after; a crash in between leaves bytes without a row, for the next sweep.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from souk.assets.belonging import REMEDY, belongs
from souk.assets.storage import Storage
from souk.clock import Clock
from souk.store import assets
from souk.store.database import Connection
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.words import Millis

log = logging.getLogger("souk.assets")


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """How far one sweep goes."""

    batch: int = 500
    """Rows deleted in one transaction."""
    grace_ms: int = 5 * 60_000
    """How long a row stays after its file expired: a create that saw the file alive has pinned it by then."""
    orphan_age_ms: int = 60 * 60_000
    """How old bytes without a row must be. A file is stored shortly before its row is inserted."""


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """What a sweep removed."""

    expired: int
    orphans: int
    scratch: int


@dataclass(frozen=True, slots=True)
class Expire:
    """Delete the rows of files that expired before a moment."""

    before: Millis
    limit: int


def _expire(connection: Connection, ops: Sequence[Expire]) -> list[list[str]]:
    return [assets.drop_expired(connection, op.before, op.limit) for op in ops]


EXPIRE: Kind[Expire, list[str]] = Kind("assets.expire", 90, _expire, alone=True)


async def sweep(
    lane: Lane, reads: Reads, storage: Storage, clock: Clock, limits: SweepLimits | None = None
) -> SweepCounts:
    """Remove expired files, orphaned bytes and abandoned scratch files. Many processes may sweep at once.

    Bytes without a row are orphans only in a storage that belongs to this database; any other is left alone.
    """
    limits = limits or SweepLimits()
    now = clock.now()
    unclaimed = Millis(now - limits.orphan_age_ms)
    expired = await _drop_expired(lane, storage, Expire(Millis(now - limits.grace_ms), limits.batch))
    if not await belongs(reads, storage):
        log.warning(
            "stored files are not known to be this database's; none is cleaned up", extra={"remedy": REMEDY}
        )
        return SweepCounts(expired, orphans=0, scratch=0)
    return SweepCounts(
        expired=expired,
        orphans=await _drop_orphans(reads, storage, unclaimed),
        scratch=await storage.clear_scratch(unclaimed),
    )


async def _drop_expired(lane: Lane, storage: Storage, expire: Expire) -> int:
    dropped = 0
    while paths := await lane.write(EXPIRE, expire):
        await storage.delete(paths)
        dropped += len(paths)
    return dropped


async def _drop_orphans(reads: Reads, storage: Storage, before: Millis) -> int:
    dropped = 0
    async for paths in storage.list_older_than(before):
        claimed = await reads.run(partial(assets.find, paths=paths))
        orphans = [path for path in paths if path not in claimed]
        await storage.delete(orphans)
        dropped += len(orphans)
    return dropped
