"""Many processes that do everything at once on one PostgreSQL wait for each other, and never in a circle."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from souk.operations.types import Caller, Refusal
from souk.words import Credits, Mode
from tests.engine.running import Running, running
from tests.upstreams.kie import FakeKie

PROCESSES = 3
ACCOUNTS = 5
SECONDS = 4.0

PROMPTS = ("a tram", "[up:slow=0.3]", "[up:refuse=422]", "[up:fail]")


async def live(souk: Running, callers: list[Caller], chance: Random, over: asyncio.Event) -> None:
    """What clients and operators do, one thing after the other."""
    operations, admin = souk.house.operations, souk.house.admin("test")
    while not over.is_set():
        caller = chance.choice(callers)
        try:
            match chance.randrange(12):
                case 0:
                    await admin.credits.grant(caller.name.partition("/")[0], Mode.LIVE, Credits(1), "")
                case 1:
                    ticket = await souk.house.meter.admit(caller, Mode.LIVE, 5000)
                    ticket.settle(Credits(1000))
                case 2 | 3 | 4:
                    tasks = (await operations.list(caller, limit=20)).records
                    if tasks:
                        task = chance.choice(tasks).task_id
                        act = chance.choice((operations.delete, operations.redeliver, operations.cancel))
                        await act(caller, task)
                case _:
                    url = chance.choice((None, "http://127.0.0.1:9/hook"))
                    await souk.create(chance.choice(PROMPTS), caller=caller, callback_url=url)
        except Refusal:
            continue


async def test_processes_that_do_everything_at_once_never_wait_in_a_circle(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with AsyncExitStack() as stack:
        upstream = stack.enter_context(FakeKie())
        given = {"concurrency": 50, "daily_cap": 10_000}
        houses = [
            await stack.enter_async_context(
                running(
                    tmp_path / str(number),
                    migrated_postgres_url,
                    upstream,
                    connections=given,
                    breaker_seconds=0.05,
                    sweep_seconds=0.5,
                )
            )
            for number in range(PROCESSES)
        ]
        callers = [await houses[0].account(f"account-{number}") for number in range(ACCOUNTS)]
        over = asyncio.Event()
        clients = [
            asyncio.create_task(live(souk, callers, Random(f"{number} {client}"), over))
            for number, souk in enumerate(houses)
            for client in range(12)
        ]
        await asyncio.sleep(SECONDS)
        over.set()
        await asyncio.gather(*clients)
        found = await houses[0].sql(
            "SELECT deadlocks, conflicts FROM pg_stat_database WHERE datname = current_database()"
        )
        assert found == [(0, 0)]
        assert [souk.house.lane.stats.retries for souk in houses] == [0] * PROCESSES
        assert await houses[0].problems() == []
