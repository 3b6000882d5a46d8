"""The hot calls: creates and records a second, beside a bare echo of the same body in the same run."""

import json

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
        print(creates.line(f"createTask, {name}"))
        print(records.line(f"recordInfo, {name}"))
        print(
            f"ratio to the echo: createTask {creates.per_second / bare.per_second:.2f}, "
            f"recordInfo {records.per_second / bare.per_second:.2f}"
        )


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


CREATE = post("/api/v1/jobs/createTask", KEY, BODY)


def _measure(port: int, requests: list[bytes], count: int, expect: bytes) -> Load:
    load, _ = uvloop.run(drive(port, lambda i: requests[i % len(requests)], count, CONNECTIONS, expect))
    return load
