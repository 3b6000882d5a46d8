"""Three servers and three engines, each a process, on one PostgreSQL: one market, where nobody waits for a look."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import yaml

from souk.accounts.verify import verify
from souk.engine.world import EngineLimits
from souk.store.database import Database
from souk.store.statement import Statement
from tests.engine.running import MODEL
from tests.faults.fleet import Fleet, fleet
from tests.upstreams.kie import KEY as UPSTREAM_KEY
from tests.upstreams.kie import FakeKie
from tests.wire.serving import KEY, Client

TASKS = 300
AT_ONCE = 40
QUICK = EngineLimits().claim_seconds / 4
PATIENCE = 90.0


def config(amount: float) -> str:
    return yaml.safe_dump({"models": {MODEL: {"usual_seconds": 0.05, "price": amount}}})


@asynccontextmanager
async def town(folder: Path, database_url: str, upstream: FakeKie) -> AsyncIterator[tuple[Fleet, Path]]:
    """A fleet that reads one souk.yaml, and that file."""
    file = folder / "souk.yaml"
    file.write_text(config(1))
    settings = {
        "SOUK_CONFIG": str(file),
        "SOUK_DATABASE_URL": database_url,
        "SOUK_STORAGE_URL": f"file://{folder / 'files'}",
        "SOUK_API_KEY": KEY,
        "SOUK_SECRET_KEY": "one secret for all the machines",
        "SOUK_INITIAL_CREDITS": "100000",
        "SOUK_RATE_CREATES": "0",
        "KIE_API_KEY": UPSTREAM_KEY,
        "SOUK_KIE_BASE_URL": upstream.url,
        "SOUK_NETWORK_POLICY": "open",  # the upstream's files are on this machine
    }
    async with fleet(folder, settings, size=3) as ships:
        yield ships, file


def body(number: int) -> dict[str, Any]:
    return {"model": MODEL, "input": {"prompt": f"Boat {number}", "aspect_ratio": "1:1"}}


async def lived(client: Client, number: int) -> float:
    """Make a task and wait for its success; seconds that took."""
    started = time.monotonic()
    task_id = await client.create(body(number))
    while (record := await client.record(task_id, wait=10))["state"] != "success":
        assert record["state"] != "fail", record
    return time.monotonic() - started


def rows(url: str, text: str) -> list[tuple[Any, ...]]:
    connection = Database(url).connect(read_only=True)
    try:
        assert verify(connection).problems == []
        return connection.run(Statement(text))
    finally:
        connection.close()


async def test_many_processes_are_one_market(tmp_path: Path, postgres_url: str) -> None:
    with FakeKie() as upstream:
        async with (
            town(tmp_path, postgres_url, upstream) as (ships, file),
            aiohttp.ClientSession() as session,
        ):
            clients = [Client(session, f"http://127.0.0.1:{server.port}") for server in ships.servers]
            turn = asyncio.Semaphore(AT_ONCE)

            async def one(number: int) -> None:
                async with turn:
                    await lived(clients[number % 3], number)

            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(one(number) for number in range(TASKS)))
            assert Counter(submit.prompt for submit in upstream.submits) == {
                f"Boat {number}": 1 for number in range(TASKS)
            }
            assert rows(postgres_url, "SELECT state, epoch, count(*) FROM tasks GROUP BY state, epoch") == [
                ("success", 1, TASKS)
            ]
            engines = "SELECT count(*) FROM nodes"
            assert rows(postgres_url, engines) == [(3,)]

            # By looking alone, every second, half of the tasks would wait for half a second or more.
            async with asyncio.timeout(PATIENCE):
                while median([await lived(clients[n % 3], TASKS) for n in range(15)]) > QUICK:
                    continue

            file.write_text(config(2))
            async with asyncio.timeout(PATIENCE):
                for client in clients:
                    while (await client.post("/api/v1/jobs/estimate", body(0))).data["credits"] != 2:  # noqa: ASYNC110 - a file is waited for
                        await asyncio.sleep(0.1)
