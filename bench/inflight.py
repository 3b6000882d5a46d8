"""Memory: ten thousand tasks running at once in one process."""

import time
import urllib.request

import uvloop

from bench.jobs import BODY, CONNECTIONS
from bench.load import drive, post
from bench.servers import KEY, Server, souk


def run(database_url: str = "", tasks: int = 10_000) -> None:
    """Print the server's memory with this many tasks in flight."""
    env = {"SOUK_SANDBOX_DELAY": "600"} | ({"SOUK_DATABASE_URL": database_url} if database_url else {})
    with souk(None, SOUK_DRAIN_SECONDS="0", **env) as server:
        idle = server.rss_mb
        request = post("/api/v1/jobs/createTask", KEY, BODY)
        uvloop.run(drive(server.port, lambda _: request, tasks, CONNECTIONS, b'"code":200'))
        _until_running(server, tasks)
        print(f"{tasks:,} tasks in flight: RSS {server.rss_mb:.0f} MB (idle {idle:.0f} MB)")


def _until_running(server: Server, tasks: int) -> None:
    deadline = time.monotonic() + 120
    wanted = f'souk_tasks{{state="generating"}} {float(tasks)}'
    while time.monotonic() < deadline:
        metrics = (
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10).read().decode()
        )
        if wanted in metrics:
            return
        time.sleep(0.5)
    raise RuntimeError("the tasks did not all start")
