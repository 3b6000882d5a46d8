"""Retention: what is past its time goes, in small steps beside the traffic, never what an unfinished task needs."""

import asyncio
import logging
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from souk.assets import retention as files
from souk.engine.world import World
from souk.ids import oldest_id_at
from souk.store import idempotency, tasks
from souk.store import retention as rows
from souk.store.database import Connection
from souk.store.lane import Kind, drop_old_marks
from souk.store.stride import Stride
from souk.words import Millis, TaskId

log = logging.getLogger("souk.engine")

LOOK = 500
"""Tasks looked at in one go. They are deleted in smaller steps."""
MOST_KEYS = 2000
"""Keys forgotten in one step."""
MOST_ENTRIES = 5000
"""Ledger entries looked at in one step."""
DAY_MS = 86_400_000


class Lapsed(msgspec.Struct, frozen=True):
    """Delete those of these tasks that ended before a moment, if nothing protects them by now."""

    ids: list[str]
    before: int


def _delete_tasks(connection: Connection, sets: Sequence[Lapsed]) -> list[int]:
    return [rows.drop_lapsed(connection, lapsed.ids, lapsed.before) for lapsed in sets]


class Forget(msgspec.Struct, frozen=True):
    """Free idempotency keys bound before a moment, so many at once."""

    before: int
    most: int


def _forget_keys(connection: Connection, forgets: Sequence[Forget]) -> list[int]:
    return [idempotency.forget(connection, Millis(one.before), one.most) for one in forgets]


class Fold(msgspec.Struct, frozen=True):
    """Fold the next ledger entries of a round, looking at so many."""

    folding: rows.Folding
    after: int
    most: int


def _fold(connection: Connection, folds: Sequence[Fold]) -> list[tuple[int, int | None]]:
    return [rows.fold_ledger(connection, fold.folding, fold.after, fold.most) for fold in folds]


def _drop_marks(connection: Connection, moments: Sequence[int]) -> list[None]:
    drop_old_marks(connection, min(moments))
    return [None] * len(moments)


DELETE_TASKS: Kind[Lapsed, int] = Kind("delete-tasks", 80, _delete_tasks, alone=True)
FORGET_KEYS: Kind[Forget, int] = Kind("forget-keys", 81, _forget_keys, alone=True)
FOLD_LEDGER: Kind[Fold, tuple[int, int | None]] = Kind("fold-ledger", 82, _fold, alone=True)
DROP_MARKS: Kind[int, None] = Kind("drop-marks", 83, _drop_marks, alone=True)


async def sweep(world: World) -> None:
    """One round of cleaning up."""
    now, limits = world.clock.now(), world.limits
    removed = await _drop_tasks(world, int(now - limits.logs_days * DAY_MS))
    await _forget(world, int(now - limits.idempotency_days * DAY_MS))
    folded = await _fold_ledger(world, int(now - limits.ledger_days * DAY_MS))
    await world.lane.write(DROP_MARKS, now)
    counts = await files.sweep(world.lane, world.reads, world.storage, world.clock)
    folders = await _clear_work(world)
    log.info(
        "sweep done",
        extra={"tasks": removed, "ledger_entries": folded, "files": str(counts), "folders": folders},
    )


async def _drop_tasks(world: World, before: int) -> int:
    """Delete old tasks. They are looked for by a reader, so that those that stay cost the writers nothing."""
    newest, after, removed = oldest_id_at(Millis(before)), "", 0
    stride = Stride(world.clock)
    while after is not None:
        ids, after = await world.reads.run(
            partial(rows.old_tasks, after=after, before=newest, moment=before, most=LOOK)
        )
        while ids:
            step, ids = ids[: stride.size], ids[stride.size :]
            removed += await stride.go(world.lane.write(DELETE_TASKS, Lapsed(step, before)))
    return removed


async def _forget(world: World, before: int) -> None:
    """Free old keys until a step finds fewer than it might take."""
    stride = Stride(world.clock, most=MOST_KEYS)
    while True:
        most = stride.size
        if await stride.go(world.lane.write(FORGET_KEYS, Forget(before, most))) < most:
            return


async def _fold_ledger(world: World, before: int) -> int:
    """Replace old closed entries by one checkpoint a purse; how many went."""
    now, after, folded = world.clock.now(), 0, 0
    folding = await world.reads.run(partial(rows.folding, before=before, now=now))
    stride = Stride(world.clock, most=MOST_ENTRIES)
    while after is not None:
        gone, after = await stride.go(world.lane.write(FOLD_LEDGER, Fold(folding, after, stride.size)))
        folded += gone
    return folded


async def _clear_work(world: World) -> int:
    """Remove scratch folders whose task has ended elsewhere: after a crash, or on another machine."""
    folders = await asyncio.to_thread(_folders, world.workdir)
    known = await world.reads.run(lambda connection: tasks.fetch(connection, folders))
    over = [folder for id, folder in folders.items() if id not in known or known[id].completed_at is not None]
    for folder in over:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return len(over)


def _folders(workdir: Path) -> dict[TaskId, Path]:
    return {TaskId(path.name): path for path in workdir.iterdir()} if workdir.exists() else {}
