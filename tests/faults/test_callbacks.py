"""Callbacks through crashes: what was not noted as delivered is sent again, by whoever is left."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.callback_house import house, new_row, put, store, until
from tests.clock import HandClock
from tests.conftest import ROOT
from tests.upstreams.receiver import Received, receiver, silent, statuses

TASK = "0199c0de0000700080000000000000aa"
LEASE_SECONDS = 60


@asynccontextmanager
async def worker_process(url: str, now: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.callback_process", url, str(now), cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_a_killed_process_was_sending_is_sent_again(database_url: str) -> None:
    clock = HandClock()
    async with receiver(silent) as client:
        with store(database_url) as connection:
            put(connection, new_row(TASK, client.url(), clock.now()))
        async with worker_process(database_url, clock.now()) as process:
            await client.wait(1, seconds=30)
            process.kill()
        client.answer = statuses(200)
        async with house(database_url, clock=clock, owner="heir") as souk:
            await asyncio.sleep(0.2)
            assert len(client.got) == 1, "taken before the lease of the dead ran out"
            clock.advance(LEASE_SECONDS)
            first, second = await client.wait(2)
            assert first.body == second.body
            assert first.headers["webhook-id"] == second.headers["webhook-id"]
            assert second.headers["webhook-timestamp"] != first.headers["webhook-timestamp"]
            assert (await souk.settled(TASK, 1)).state == "delivered"


async def test_a_delivery_that_could_not_be_noted_is_repeated(database_url: str) -> None:
    async with house(database_url) as souk, receiver() as client:

        async def close_the_store(_received: Received) -> web.Response:
            await asyncio.to_thread(souk.lane.close)
            return web.Response()

        client.answer = close_the_store
        souk.end(TASK, client.url())
        await client.wait(1)
        await asyncio.sleep(0.1)
        assert souk.row(TASK).state == "pending"
        client.answer = statuses(200)
        souk.clock.advance(LEASE_SECONDS)
        async with house(database_url, clock=souk.clock, owner="heir") as other:
            first, second = await client.wait(2)
            assert first.body == second.body
            await other.settled(TASK, 1)


async def test_workers_share_a_backlog_and_send_each_callback_once(database_url: str) -> None:
    clock = HandClock()
    async with (
        receiver() as one,
        receiver() as two,
        house(database_url, clock=clock, owner="a") as first,
        house(database_url, clock=clock, owner="b") as second,
    ):
        rows = [new_row(f"task{index}", (one, two)[index % 2].url(), clock.now()) for index in range(200)]
        put(first.connection, *rows)
        # Neither is ahead: one that is started first could be done before the other is there.
        first.worker.wake()
        second.worker.wake()
        await until(lambda: len(first.counted) + len(second.counted) == 200)
        assert min(len(first.counted), len(second.counted)) > 0
    ids = [got.headers["webhook-id"] for got in one.got + two.got]
    assert len(ids) == len(set(ids)) == 200


async def test_workers_keep_the_order_of_a_tasks_stages(database_url: str) -> None:
    clock = HandClock()
    stages = ["text", "first", "second", "third"]
    async with receiver() as client:
        with store(database_url) as connection:
            for index in range(10):
                rows = [
                    new_row(f"task{index}", client.url(), clock.now(), stage, number)
                    for number, stage in enumerate(stages)
                ]
                put(connection, *rows)
        async with (
            house(database_url, clock=clock, owner="a") as first,
            house(database_url, clock=clock, owner="b") as second,
        ):
            await until(lambda: len(first.counted) + len(second.counted) == 40)
    for index in range(10):
        ids = [got.headers["webhook-id"] for got in client.got]
        assert [name for name in ids if name.startswith(f"msg_task{index}_")] == [
            f"msg_task{index}_{number}" for number in range(len(stages))
        ]
