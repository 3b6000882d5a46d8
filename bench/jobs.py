"""The hot calls: creates and records a second, beside a bare echo of the same body in the same run.

One key of one account makes all of them, so that every create changes the same balance.
"""

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import psycopg
import uvloop

from bench.load import Load, drive, get, post
from bench.servers import KEY, Server, echo, souk

CONNECTIONS = 32
BODY = json.dumps(
    {
        "model": "nano-banana-2",
        "callBackUrl": "http://127.0.0.1:9/callback",
        "input": {
            "prompt": "A paper lantern floating over a quiet harbour at dusk, soft mist, warm light",
            "aspect_ratio": "16:9",
            "resolution": "1K",
        },
    }
).encode()


def run(database_url: str = "", count: int = 20_000) -> None:
    """Print the figures for one database."""
    name = "postgresql" if database_url else "sqlite"
    with echo() as server:
        bare = _measure(server.port, [post("/", KEY, BODY)], count, b"lantern")
        print(bare.line("bare Starlette echo"))
    with souk(None, "--no-engine", **({"SOUK_DATABASE_URL": database_url} if database_url else {})) as server:
        print(f"start to first answer {server.started_in:.2f} s, idle RSS {server.rss_mb:.0f} MB")
        creates, records = create_and_record(server, count)
        print(creates.line(f"createTask, one account, {name}"))
        print(records.line(f"recordInfo, {name}"))
        print(
            f"ratio to the echo: createTask {creates.per_second / bare.per_second:.2f}, "
            f"recordInfo {records.per_second / bare.per_second:.2f}"
        )


def run_processes(database_url: str, processes: int, connections: int, count: int = 20_000) -> None:
    """Print the creates of one account through several processes, and how often they waited for its balance."""
    env = {"SOUK_DATABASE_URL": database_url, "SOUK_SECRET_KEY": KEY}
    with ExitStack() as stack:
        servers = [stack.enter_context(souk(None, "--no-engine", **env)) for _ in range(processes)]
        before = sum(server.cpu_seconds for server in servers)
        with _locks(database_url) as seen:
            loads = uvloop.run(_create_at(servers, connections, count))
        used = (sum(server.cpu_seconds for server in servers) - before) / count * 1e6
    for load in loads:
        print(load.line(f"createTask, one account, 1 of {processes}"))
    together = count / max(load.seconds for load in loads)
    print(
        f"{processes} processes, {connections} connections: {together:,.0f}/s, {used:.0f} us of server CPU each; "
        f"one waited for another's lock in {sum(map(bool, seen)) / max(1, len(seen)):.0%} of {len(seen):,} looks"
    )


async def _create_at(servers: list[Server], connections: int, count: int) -> list[Load]:
    share, lines = count // len(servers), connections // len(servers)
    driven = (drive(server.port, lambda _: CREATE, share, lines, b'"code":200') for server in servers)
    return [load for load, _ in await asyncio.gather(*driven)]


@contextmanager
def _locks(database_url: str) -> Generator[list[int]]:
    """How many of Souk's connections waited for a row that another had locked, look by look."""
    seen, over = list[int](), threading.Event()

    def watch() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not over.wait(LOOK_SECONDS):
                row = connection.execute(_WAITING).fetchone()
                seen.append(int(row[0]) if row else 0)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def create_and_record(server: Server, count: int) -> tuple[Load, Load]:
    """Creates, then records of what was created."""
    before = server.cpu_seconds
    creates, answers = uvloop.run(drive(server.port, lambda _: CREATE, count, CONNECTIONS, b'"code":200'))
    print(f"createTask: {(server.cpu_seconds - before) / count * 1e6:.0f} us of server CPU each")
    ids = [json.loads(answer)["data"]["taskId"] for answer in answers]
    requests = [get(f"/api/v1/jobs/recordInfo?taskId={task_id}", KEY) for task_id in ids]
    before = server.cpu_seconds
    records = _measure(server.port, requests, count, b'"code":200')
    print(f"recordInfo: {(server.cpu_seconds - before) / count * 1e6:.0f} us of server CPU each")
    return creates, records


LOOK_SECONDS = 0.01
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'souk%' "
    "AND wait_event_type = 'Lock'"
)
CREATE = post("/api/v1/jobs/createTask", KEY, BODY)


def _measure(port: int, requests: list[bytes], count: int, expect: bytes) -> Load:
    load, _ = uvloop.run(drive(port, lambda i: requests[i % len(requests)], count, CONNECTIONS, expect))
    return load
