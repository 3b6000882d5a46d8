"""Retention: what is past its time goes, in small steps beside the traffic, never what an unfinished task needs."""

import asyncio
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from souk.assets import retention as files
from souk.engine.world import World
from souk.ids import oldest_id_at
from souk.store import idempotency, tasks
from souk.store import retention as rows
from souk.store.database import Connection
from souk.store.lane import Kind
from souk.words import Millis, TaskId

log = logging.getLogger("souk.engine")

TASKS_PER_STEP = 500
DAY_MS = 86_400_000


def _delete_tasks(connection: Connection, cutoffs: Sequence[int]) -> list[int]:
    counts: list[int] = []
    for cutoff in cutoffs:
        ids = rows.old_tasks(connection, oldest_id_at(Millis(cutoff)), cutoff, TASKS_PER_STEP)
        if ids:
            rows.delete_tasks(connection, ids)
        counts.append(len(ids))
    return counts


def _forget_keys(connection: Connection, cutoffs: Sequence[int]) -> list[None]:
    idempotency.forget(connection, Millis(max(cutoffs)))
    return [None] * len(cutoffs)


class Fold(msgspec.Struct, frozen=True):
    """Fold ledger entries older than ``before``."""

    before: int
    now: int


def _fold(connection: Connection, folds: Sequence[Fold]) -> list[int]:
    return [rows.fold_ledger(connection, fold.before, fold.now) for fold in folds]


DELETE_TASKS: Kind[int, int] = Kind("delete-tasks", 80, _delete_tasks)
FORGET_KEYS: Kind[int, None] = Kind("forget-keys", 81, _forget_keys)
FOLD_LEDGER: Kind[Fold, int] = Kind("fold-ledger", 82, _fold)


async def sweep(world: World) -> None:
    """One round of cleaning up."""
    now, limits = world.clock.now(), world.limits
    removed = 0
    while True:
        count = await world.lane.write(DELETE_TASKS, int(now - limits.logs_days * DAY_MS))
        removed += count
        if count < TASKS_PER_STEP:
            break
        await world.clock.sleep(0.05)
    await world.lane.write(FORGET_KEYS, int(now - limits.idempotency_days * DAY_MS))
    folded = await world.lane.write(FOLD_LEDGER, Fold(int(now - limits.ledger_days * DAY_MS), now))
    counts = await files.sweep(world.lane, world.reads, world.storage, world.clock)
    folders = await _clear_work(world)
    log.info(
        "sweep done",
        extra={"tasks": removed, "ledger_entries": folded, "files": str(counts), "folders": folders},
    )


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
