"""Growth: what finished tasks behind an installation cost it, on either database.

``python -m bench.growth --tasks 10000000 --database sqlite`` goes further than ``make bench`` does. Ten million need
some 20 GB of disk for one database, and half an hour.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop

from bench import growth_latency, growth_retention
from bench.growth_cost import Cost, costs
from bench.growth_fill import SPENT_DAYS, Past, fill, make_files
from bench.growth_latency import OPERATIONS, settings_of
from bench.growth_retention import p99
from bench.servers import souk
from souk.store.database import Database, sqlite_url
from souk.words import Millis
from tests.postgres import fresh_database, running_cluster

FINISHED = 1_000_000
SMALL = 20_000
"""So few tasks that everything fits anywhere, and enough for PostgreSQL to plan as it does with many."""
FEW = 2_000
"""So that an installation with next to nothing behind it has finished tasks to be asked for, too: as many as a list of
some state looks at."""
DATABASES = ("sqlite", "postgresql")


def run(kind: str, finished: int = FINISHED) -> None:
    """Print the figures for one database, beside an installation that began empty."""
    with ExitStack() as stack:
        if kind == "sqlite":
            folders = [stack.enter_context(_folder()) for _ in range(3)]
            urls = [sqlite_url(folder / "souk.db") for folder in folders]
        else:
            cluster = stack.enter_context(running_cluster(durable=True))
            folders = [stack.enter_context(_folder()) for _ in range(3)]
            names = ("growth_empty", "growth_small", "growth_full")
            urls = [stack.enter_context(fresh_database(cluster.url("postgres"), name)) for name in names]
        _measure(folders, [Database(url) for url in urls], finished)


def _measure(folders: list[Path], databases: list[Database], finished: int) -> None:
    for folder, database in zip(folders, databases, strict=True):
        _make(folder, database)
    empty, small, full = databases
    now = Millis(int(time.time() * 1000))
    few, past = Past(SMALL, now), Past(finished, now)
    fill(small, few)
    print(f"{fill(full, past):,.0f} bytes a task on disk, tables and indexes")
    _tell_costs(
        costs(empty, few),
        costs(small, few, few.id_of(SMALL // 3)),
        costs(full, past, past.id_of(finished // 3)),
    )
    fill(empty, Past(FEW, now))
    _tell_latency(folders[0], folders[2], empty, full, past)
    print(f"{make_files(full, past, folders[2] / 'files', SPENT_DAYS):,} tasks of one day, with their files:")
    _tell_retention(growth_retention.run(full, folders[2], past))


def _make(folder: Path, database: Database) -> None:
    """Its schema, account and key."""
    env = {} if database.url.startswith("sqlite:") else {"SOUK_DATABASE_URL": database.url}
    with souk(folder, "--no-engine", **env):
        pass


def _tell_costs(empty: dict[str, Cost], small: dict[str, Cost], full: dict[str, Cost]) -> None:
    for name, cost in full.items():
        same = "plans unchanged" if small[name].plan == cost.plan else "plans changed"
        print(
            f"{name:<16} pages read: {empty[name].pages:>6,} empty {small[name].pages:>6,} with {SMALL:,} "
            f"{cost.pages:>7,} full   {same}"
        )
        for before, after in zip(small[name].plan, cost.plan, strict=False):
            if before != after:
                print(f"    {before}\n -> {after}")


def _tell_latency(empty_folder: Path, full_folder: Path, empty: Database, full: Database, past: Past) -> None:
    times = uvloop.run(
        growth_latency.compare(
            (settings_of(empty_folder, empty.url), Past(FEW, past.now)),
            (settings_of(full_folder, full.url), past),
        )
    )
    for name in OPERATIONS:
        before, after = times[0][name], times[1][name]
        ratio = sorted(after)[len(after) // 2] / sorted(before)[len(before) // 2]
        print(
            f"{name:<16} empty {growth_retention.quantiles(before)}   full {growth_retention.quantiles(after)}   "
            f"ratio {ratio:.2f}, of p99 {p99(after) / p99(before):.2f}"
        )


def _tell_retention(phases: list[tuple[growth_retention.Phase, growth_retention.Phase]]) -> None:
    for what in ("creates", "records"):
        quiet = [time for phase, _ in phases for time in getattr(phase, what)]
        busy = [time for _, phase in phases for time in getattr(phase, what)]
        print(
            f"{what:<8} nothing goes {growth_retention.quantiles(quiet)}   "
            f"tasks go {growth_retention.quantiles(busy)}   ratio of p99 {p99(busy) / p99(quiet):.2f}"
        )


@contextmanager
def _folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--tasks", type=int, default=FINISHED)
    parser.add_argument("--database", choices=DATABASES, action="append")
    given = parser.parse_args()
    for kind in given.database or DATABASES:
        print(f"== {kind}", flush=True)
        run(kind, given.tasks)


if __name__ == "__main__":
    main()
