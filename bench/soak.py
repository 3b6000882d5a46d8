"""A long run at a steady rate: whether memory, open files and latency stay where they are.

``python -m bench.soak --minutes 60 --per-second 400`` on SQLite, ``--database postgresql`` on PostgreSQL. Results are
kept a few minutes only, so that the sweep which drops them works all along. It begins with a flood: what a peak takes
stays with the allocator, so that each hiccup of the machine that is the highest so far would look like growth. What
leaks grows after it all the same. The exit code is 1 if anything went wrong.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench.chat_load import Call
from bench.servers import Server
from bench.upstream import CREATE, Run, flood, started
from tests.postgres import fresh_database, running_cluster

CONNECTIONS = 16
SAMPLE_SECONDS = 5.0
WARM_UP_SHARE = 0.2
"""Of the run, at its start: what fills in this time (caches, pools, the allocator) is not counted as growth."""
KEEP_DAYS = "0.003"
"""Four minutes."""
PATIENCE_SECONDS = 120.0
PEAK_SECONDS = 20
"""The flood at the beginning is what comes in so long."""


@dataclass
class Watch:
    """What was seen of the server, one entry a sample."""

    server: Server
    minutes: list[float] = field(default_factory=list[float])
    megabytes: list[float] = field(default_factory=list[float])
    files: list[int] = field(default_factory=list[int])

    def look(self, minute: float) -> None:
        self.minutes.append(minute)
        self.megabytes.append(self.server.rss_mb)
        self.files.append(len(os.listdir(f"/proc/{self.server.pid}/fd")))  # noqa: PTH208 - a link may vanish meanwhile

    def after(self, minute: float) -> "Watch":
        """What was seen after a moment."""
        first = next((at for at, seen in enumerate(self.minutes) if seen >= minute), 0)
        return Watch(self.server, self.minutes[first:], self.megabytes[first:], self.files[first:])

    def slope(self) -> float:
        """Growth of memory in MB an hour, by least squares."""
        return statistics.linear_regression(self.minutes, self.megabytes).slope * 60


@dataclass
class Drive:
    """Creates at a steady pace, and what was answered."""

    port: int
    per_second: float
    seconds: float
    created: int = 0
    refused: int = 0
    times: list[float] = field(default_factory=list[float])
    """Milliseconds of every hundredth create, so that the watcher does not grow itself."""

    async def run(self) -> None:
        begun = time.monotonic()
        await asyncio.gather(*(self._connection(begun, turn) for turn in range(CONNECTIONS)))

    async def _connection(self, begun: float, turn: int) -> None:
        _, call = await asyncio.get_running_loop().create_connection(Call, "127.0.0.1", self.port)
        for number in range(turn, int(self.per_second * self.seconds), CONNECTIONS):
            await asyncio.sleep(max(0.0, begun + number / self.per_second - time.monotonic()))
            asked = time.perf_counter()
            answer = await call.ask(CREATE)
            if number % 100 == 0:
                self.times.append((time.perf_counter() - asked) * 1000)
            if b'"code":200' in answer:
                self.created += 1
            else:
                self.refused += 1
        call.close()


async def _soak(running: Run, minutes: float, per_second: float) -> tuple[Watch, Drive]:
    watch = Watch(running.servers[0])
    drive = Drive(running.servers[0].port, per_second, minutes * 60)
    driving, begun = asyncio.create_task(drive.run()), time.monotonic()
    while not driving.done():
        watch.look((time.monotonic() - begun) / 60)
        await asyncio.wait([driving], timeout=SAMPLE_SECONDS)
    await driving
    return watch, drive


def _problems(running: Run, drive: Drive, before: int) -> list[str]:
    """What went wrong; ``before``: tasks that the run began with."""
    running.truth.wait_for_ends(PATIENCE_SECONDS)
    log = Path(running.servers[0].folder / "log").read_text(errors="replace")
    errors = sum(" ERROR " in line or " CRITICAL " in line for line in log.splitlines())
    succeeded, submits = running.truth.successes(), running.upstream_counts()["submits"]
    found = [f"{drive.refused} creates were refused"] if drive.refused else []
    found += [f"{errors} errors in the log"] if errors else []
    made = before + drive.created
    if (succeeded, submits) != (made, made):
        found.append(f"of {made} tasks {succeeded} succeeded, with {submits} submits")
    return found


def _told(watch: Watch, drive: Drive, minutes: float) -> str:
    settled = watch.after(minutes * WARM_UP_SHARE)
    return "\n".join(
        [
            f"{drive.created:,} tasks in {minutes:g} minutes, {drive.per_second:g}/s",
            f"create: {_quantiles(drive.times)}",
            f"RSS {settled.megabytes[0]:.0f} -> {settled.megabytes[-1]:.0f} MB after warm-up, "
            f"slope {settled.slope():+.2f} MB/h",
            f"open files {min(settled.files)} to {max(settled.files)}, {settled.files[-1]} at the end",
        ]
    )


def _quantiles(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2]:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.1f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--per-second", type=float, default=400)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = ""
        if given.database == "postgresql":
            cluster = stack.enter_context(running_cluster(durable=True))
            url = stack.enter_context(fresh_database(cluster.url("postgres"), "soak"))
        running = stack.enter_context(started(url, SOUK_RESULTS_DAYS=KEEP_DAYS, SOUK_SWEEP_SECONDS="30"))
        peak = flood(running, int(given.per_second * PEAK_SECONDS)).tasks
        watch, drive = uvloop.run(_soak(running, given.minutes, given.per_second))
        problems = _problems(running, drive, peak)
    print(_told(watch, drive, given.minutes))
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
