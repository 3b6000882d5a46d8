"""FastAPI in front of a procrastinate worker, queue and rows in PostgreSQL. Runs in the peers' own environment.

The worker: ``python -m bench.peers.procrastinate_app``, asynchronous, 500 jobs at once, woken by LISTEN/NOTIFY as is
its default; the row and its job are committed one after the other.
"""
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false, reportAttributeAccessIssue=false
# (it runs where these packages are; here they are not)

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import procrastinate
from fastapi import FastAPI

from bench.peers import shelf

CONNECTIONS = 20
AT_ONCE = 500

connector = procrastinate.PsycopgConnector(conninfo=shelf.DATABASE, min_size=1, max_size=CONNECTIONS)
queue = procrastinate.App(connector=connector)
upstream: dict[str, aiohttp.ClientSession] = {}


@queue.task(name="work")
async def work(task_id: str) -> None:
    """Submit, poll, fetch, store, settle."""
    ref = (await _json("POST", shelf.CREATE, json=shelf.BODY))["data"]["taskId"]
    await _run(shelf.SUBMITTED, ref, task_id)
    await asyncio.sleep(shelf.FIRST_POLL_SECONDS)
    while True:
        record = (await _json("GET", shelf.record_of(ref)))["data"]
        if record["state"] == "success":
            break
        await asyncio.sleep(shelf.POLL_SECONDS)
    async with upstream["session"].get(json.loads(record["resultJson"])["resultUrls"][0]) as answer:
        data = await answer.read()
    await asyncio.to_thread(shelf.store, task_id, data)
    await _run(shelf.ENDED, task_id)


async def _json(method: str, url: str, **more: Any) -> dict[str, Any]:
    async with upstream["session"].request(method, url, **more) as answer:
        return await answer.json()


async def _run(statement: str, *values: str) -> None:
    async with connector.pool.connection() as connection:
        await connection.execute(statement, values)


@asynccontextmanager
async def _opened(_app: FastAPI) -> AsyncGenerator[None]:
    async with queue.open_async():
        await _run(shelf.TABLE)
        if not await queue.check_connection_async():
            await queue.schema_manager.apply_schema_async()
        yield


app = FastAPI(lifespan=_opened)


@app.get("/")
async def ready() -> str:
    return "ready"


@app.post("/tasks")
async def create() -> dict[str, object]:
    """Take a task: a row, then a job."""
    task_id = uuid4().hex
    await _run(shelf.NEW, task_id)
    await work.defer_async(task_id=task_id)
    return {"code": 200, "taskId": task_id}


async def _worker() -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        upstream["session"] = session
        async with queue.open_async():
            await queue.run_worker_async(concurrency=AT_ONCE, delete_jobs="successful")


if __name__ == "__main__":
    asyncio.run(_worker())
