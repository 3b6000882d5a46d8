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
from souk.store.stride import Stride
from souk.words import AssetId, Millis

log = logging.getLogger("souk.assets")


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """How far one sweep goes."""

    look: int = 500
    """Expired files looked at in one go. Their rows are deleted in smaller steps, beside the traffic."""
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
    """Delete the rows of these files, as far as they expired before a moment and nothing protects them by now."""

    ids: list[str]
    before: Millis


def _expire(connection: Connection, ops: Sequence[Expire]) -> list[list[str]]:
    return [assets.drop_expired(connection, op.ids, op.before) for op in ops]


EXPIRE: Kind[Expire, list[str]] = Kind("assets.expire", 90, _expire, alone=True)


async def sweep(
    lane: Lane, reads: Reads, storage: Storage, clock: Clock, limits: SweepLimits | None = None
) -> SweepCounts:
    """Remove expired files, orphaned bytes and abandoned scratch files. Many processes may sweep at once.

    A storage that does not belong to this database is left alone. Where one that lives shares the files with a copy
    of its database, what expired or is unknown to one of them may be kept, pinned or new in the other. The rows of
    files that expired stay as well: with them their bytes are found once the storage is adopted.
    """
    limits = limits or SweepLimits()
    now = clock.now()
    unclaimed = Millis(now - limits.orphan_age_ms)
    if not await belongs(reads, storage):
        log.warning(
            "stored files are not known to be this database's; none is cleaned up", extra={"remedy": REMEDY}
        )
        return SweepCounts(expired=0, orphans=0, scratch=0)
    expiry = _Expiry(lane, reads, storage, Stride(clock))
    return SweepCounts(
        expired=await expiry.drop(Millis(now - limits.grace_ms), limits.look),
        orphans=await _drop_orphans(reads, storage, unclaimed),
        scratch=await storage.clear_scratch(unclaimed),
    )


@dataclass(frozen=True, slots=True)
class _Expiry:
    """Drops files past their time. A reader looks for them, so that those that stay cost the writers nothing."""

    lane: Lane
    reads: Reads
    storage: Storage
    stride: Stride

    async def drop(self, before: Millis, look: int) -> int:
        since, dropped, most = Millis(0), 0, look
        while True:
            found = await self.reads.run(partial(assets.expired, since=since, before=before, most=most))
            gone = await self._drop([file.id for file in found if not file.spared], before)
            dropped += gone
            if len(found) < most:
                return dropped
            if gone or found[-1].at > since:
                since, most = found[-1].at, look
            else:
                most *= 2  # so many expired in one moment and stay; behind them may be others

    async def _drop(self, ids: list[AssetId], before: Millis) -> int:
        """Rows in small steps, then the bytes of all of them; how many."""
        paths: list[str] = []
        while ids:
            step, ids = ids[: self.stride.size], ids[self.stride.size :]
            paths += await self.stride.go(self.lane.write(EXPIRE, Expire(list(step), before)))
        if paths:
            await self.storage.delete(paths)
        return len(paths)


async def _drop_orphans(reads: Reads, storage: Storage, before: Millis) -> int:
    dropped = 0
    async for paths in storage.list_older_than(before):
        claimed = await reads.run(partial(assets.find, paths=paths))
        orphans = [path for path in paths if path not in claimed]
        await storage.delete(orphans)
        dropped += len(orphans)
    return dropped
