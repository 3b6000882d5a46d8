"""Servers and engines on machines of their own, dying by turns: clients of them all notice nothing but a pause."""

import asyncio
import json
from pathlib import Path

import aiohttp

from souk.accounts.verify import verify
from souk.store.database import Database
from souk.store.statement import Statement
from tests.faults.fleet import fleet, patient
from tests.objectstore import running_rclone, settings_of
from tests.wire.serving import CHEAP, KEY, Client

TASKS = 24


async def made(client: Client, number: int) -> dict[str, object]:
    """One task's record once it has ended."""
    task_id = await client.create({**CHEAP, "input": {"prompt": f"Boat {number} [souk:delay={number % 4}]"}})
    while True:
        record = await client.record(task_id, wait=10)
        if record["state"] in ("success", "fail"):
            return record


async def test_tasks_end_well_on_a_fleet_whose_members_are_killed(tmp_path: Path, postgres_url: str) -> None:
    with running_rclone() as store:
        bucket = {f"SOUK_{name.upper()}": value for name, value in settings_of(store.bucket()).items()}
        settings = {
            "SOUK_DATABASE_URL": postgres_url,
            "SOUK_API_KEY": KEY,
            "SOUK_SECRET_KEY": "one secret for all the machines",
            "SOUK_RATE_CREATES": "0",
        }
        async with (
            fleet(tmp_path, bucket | settings, size=2, every=1.5) as ships,
            aiohttp.ClientSession(middlewares=[patient]) as session,
        ):
            client = Client(session, ships.url)
            records = await asyncio.gather(*(made(client, number) for number in range(TASKS)))
            assert [record["state"] for record in records] == ["success"] * TASKS
            for record in records:
                (url,) = json.loads(str(record["resultJson"]))["resultUrls"]
                async with session.get(url) as answer:
                    assert answer.status == 200
                    assert len(await answer.read()) == answer.content_length
            assert ships.kills >= 2
    connection = Database(postgres_url).connect(read_only=True)
    try:
        assert verify(connection).problems == []
        ends = "SELECT count(*), sum(held), sum(unfinished) FROM balances WHERE unfinished <> 0 OR held <> 0"
        assert connection.run(Statement(ends)) == [(0, None, None)]
        assert connection.run(Statement("SELECT count(*) FROM tasks")) == [(TASKS,)]
    finally:
        connection.close()
