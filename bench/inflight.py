"""Memory: many tasks running at once in one process, in the sandbox and upstream."""

import time
import urllib.request

import uvloop

from bench.jobs import BODY, CONNECTIONS
from bench.load import drive, post
from bench.servers import KEY, Server, souk
from bench.upstream import create, started


def run(database_url: str = "", tasks: int = 10_000) -> None:
    """Print the server's memory with this many tasks in flight."""
    env = {"SOUK_SANDBOX_DELAY": "600"} | ({"SOUK_DATABASE_URL": database_url} if database_url else {})
    with souk(None, SOUK_DRAIN_SECONDS="0", **env) as server:
        idle = server.rss_mb
        request = post("/api/v1/jobs/createTask", KEY, BODY)
        uvloop.run(drive(server.port, lambda _: request, tasks, CONNECTIONS, b'"code":200'))
        _until_running(server, tasks)
        print(f"{tasks:,} tasks in flight: RSS {server.rss_mb:.0f} MB (idle {idle:.0f} MB)")


def run_upstream(database_url: str = "", tasks: int = 50_000) -> None:
    """Print the server's memory with this many tasks accepted by an upstream that takes an hour."""
    with started(
        database_url,
        seconds=3600,
        SOUK_ENGINE_SLOTS=str(tasks),
        SOUK_DRAIN_SECONDS="0",
        SOUK_POLLS_PER_SECOND="50",
    ) as running:
        server = running.servers[0]
        idle = server.rss_mb
        create(server.port, tasks)
        _until_running(server, tasks)
        print(f"{tasks:,} tasks upstream: RSS {server.rss_mb:.0f} MB (idle {idle:.0f} MB)")


def _until_running(server: Server, tasks: int) -> None:
    deadline = time.monotonic() + 120 + tasks / 100
    wanted = f'souk_tasks{{state="generating"}} {float(tasks)}'
    while time.monotonic() < deadline:
        metrics = (
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10).read().decode()
        )
        if wanted in metrics:
            return
        time.sleep(0.5)
    raise RuntimeError("the tasks did not all start")
