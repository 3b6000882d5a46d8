"""Whole tasks: created, submitted, polled, fetched, stored and settled, on an upstream that takes half a second.

A real ``souk serve`` with the KIE connection pointed at a simulated upstream (``bench/upstream_server.py``), which runs
in a process of its own as the load generator does. Every task is three calls upstream at least, a file and two ledger
entries.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import uvloop

from bench.chat_load import Call
from bench.load import drive, get, post
from bench.servers import KEY, Server, module, souk, souk_engine
from bench.truth import Truth
from souk.store.database import Database, sqlite_url

TASKS = 5_000
WARM_UP = 300
GENERATION_SECONDS = 0.5
CONNECTIONS = 32
GENTLE_PER_SECOND = 20
GENTLE_SECONDS = 20
PATIENCE_SECONDS = 300.0
BODY = json.dumps(
    {
        "model": "nano-banana-2",
        "input": {
            "prompt": "A paper lantern floating over a quiet harbour at dusk, soft mist, warm light",
            "aspect_ratio": "16:9",
            "resolution": "1K",
        },
    }
).encode()
CREATE = post("/api/v1/jobs/createTask", KEY, BODY)


@dataclass(frozen=True)
class Run:
    """A Souk, what stands behind it, and where its truth is."""

    servers: list[Server]
    """The one that serves first; engines of their own after it."""
    upstream: Server
    truth: Truth

    def cpu_seconds(self) -> float:
        return sum(server.family_cpu_seconds for server in self.servers)

    def upstream_counts(self) -> dict[str, int]:
        url = f"http://127.0.0.1:{self.upstream.port}/counts"
        return json.loads(urllib.request.urlopen(url, timeout=10).read())


def run(database_url: str = "", tasks: int = TASKS) -> None:
    """Print the figures for one database."""
    with started(database_url) as running:
        flood(running, WARM_UP)
        print(flood(running, tasks).line(f"{tasks:,} tasks, {_name(database_url)}"))
        print(f"RSS {running.servers[0].rss_mb:.0f} MB")
        overheads = uvloop.run(_gentle(running.servers[0].port))
        print(
            _quantiles(
                f"create to success beyond {GENERATION_SECONDS:g} s at {GENTLE_PER_SECOND}/s", overheads
            )
        )


def run_engines(database_url: str, engines: int, tasks: int = TASKS) -> None:
    """Print the throughput with this many engine processes beside one that only serves."""
    with started(database_url, engines=engines) as running:
        flood(running, WARM_UP * engines)
        print(flood(running, tasks).line(f"{tasks:,} tasks, {engines} engine processes"))


@contextmanager
def started(
    database_url: str = "", *, seconds: float = GENERATION_SECONDS, engines: int = 0, **env: str
) -> Generator[Run]:
    """The upstream and a Souk in front of it; with ``engines``, that many processes do what else the server does."""
    with ExitStack() as stack:
        upstream = stack.enter_context(module("bench.upstream_server", str(seconds)))
        settings = environment(upstream, database_url) | env
        server = stack.enter_context(souk(None, *(["--no-engine"] if engines else []), **settings))
        more = [stack.enter_context(souk_engine(server.folder, **settings)) for _ in range(engines)]
        truth = stack.enter_context(Truth.of(Database(database_url or sqlite_url(server.folder / "souk.db"))))
        yield Run([server, *more], upstream, truth)


def environment(upstream: Server, database_url: str) -> dict[str, str]:
    """What makes a Souk run its tasks on this upstream, without a limit on its polls."""
    return {
        "KIE_API_KEY": "upstream-key",
        "SOUK_KIE_BASE_URL": f"http://127.0.0.1:{upstream.port}",
        "SOUK_POLLS_PER_SECOND": "1000000",
        **({"SOUK_DATABASE_URL": database_url} if database_url else {}),
    }


@dataclass(frozen=True)
class _Flood:
    """What came of tasks created as fast as they are taken."""

    tasks: int
    seconds: float
    """From the first create to the last success."""
    cpu_ms: float
    """Of Souk's processes, for each task."""
    polls: float
    """For each task."""
    added: list[float]
    """Milliseconds from create to success beyond the upstream's own time, by the times in the task's row."""

    def line(self, name: str) -> str:
        each = f"{self.cpu_ms:.2f} ms CPU and {self.polls:.1f} polls a task"
        told = f"{name:<34} {self.tasks / self.seconds:>6,.0f}/s   {each}"
        return f"{told}\n{_quantiles('  added latency', self.added)}"


def flood(running: Run, tasks: int) -> _Flood:
    """Create tasks over a few connections without waiting for what becomes of them; wait for all ends."""
    since, before, cpu = running.truth.newest(), running.upstream_counts(), running.cpu_seconds()
    create(running.servers[0].port, tasks)
    running.truth.wait_for_ends(PATIENCE_SECONDS)
    used = running.cpu_seconds() - cpu
    ends = running.truth.ends(since)
    counts = running.upstream_counts()
    _check(running, tasks, len(ends), counts["submits"] - before.get("submits", 0))
    return _Flood(
        tasks=tasks,
        seconds=(max(done for _, done in ends) - min(made for made, _ in ends)) / 1000,
        cpu_ms=used / tasks * 1000,
        polls=(counts["polls"] - before.get("polls", 0)) / tasks,
        added=[done - made - GENERATION_SECONDS * 1000 for made, done in ends],
    )


def create(port: int, tasks: int) -> None:
    """Create tasks as fast as they are taken."""
    creates, _ = uvloop.run(drive(port, lambda _: CREATE, tasks, CONNECTIONS, b'"code":200'))
    if creates.refused:
        raise RuntimeError(f"{creates.refused} creates were refused")


def _check(running: Run, tasks: int, succeeded: int, submits: int) -> None:
    """Figures count only where every task succeeded, was submitted once, stored and settled."""
    if (succeeded, submits) != (tasks, tasks):
        raise RuntimeError(f"of {tasks} tasks {succeeded} succeeded, with {submits} submits")
    if unsettled := running.truth.unsettled():
        raise RuntimeError(f"not settled: {unsettled}")


async def _gentle(port: int) -> list[float]:
    """Create and wait for the end as a client does; milliseconds beyond the upstream's own time, for each task."""
    loop = asyncio.get_running_loop()
    added: list[float] = []

    async def one() -> None:
        _, call = await loop.create_connection(Call, "127.0.0.1", port)
        started = time.perf_counter()
        created = await call.ask(CREATE)
        task = json.loads(created.partition(b"\r\n\r\n")[2])["data"]["taskId"]
        record = await call.ask(get(f"/api/v1/jobs/recordInfo?taskId={task}&wait=30", KEY))
        added.append((time.perf_counter() - started - GENERATION_SECONDS) * 1000)
        call.close()
        if b'"state":"success"' not in record:
            raise RuntimeError(f"a task did not succeed: {record!r}")

    begun, calls = loop.time(), list[asyncio.Task[None]]()
    for number in range(GENTLE_PER_SECOND * GENTLE_SECONDS):
        await asyncio.sleep(max(0.0, begun + number / GENTLE_PER_SECOND - loop.time()))
        calls.append(asyncio.create_task(one()))
    await asyncio.gather(*calls)
    return added


def _quantiles(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {ordered[-1]:.1f} ms"


def _name(database_url: str) -> str:
    return "postgresql" if database_url else "sqlite"
