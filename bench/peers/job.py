"""The job as asynchronous workers do it: submit, poll, fetch, store, settle. Runs in the peers' own environment."""
# pyright: reportMissingImports=false
# (it runs where these packages are; here they are not)

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
import psycopg_pool
from fastapi import FastAPI

from bench.peers import shelf

AT_ONCE = 500
CONNECTIONS = 20


async def _commit_each(connection: psycopg.AsyncConnection) -> None:
    await connection.set_autocommit(True)  # one round trip for a statement, not three


pool = psycopg_pool.AsyncConnectionPool(
    shelf.DATABASE, min_size=1, max_size=CONNECTIONS, open=False, configure=_commit_each
)


def api_of(
    opened: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    enqueue: Callable[[str], Awaitable[object]],
) -> FastAPI:
    """The API in front of a queue: a task is a row, then what the queue calls a job."""
    app = FastAPI(lifespan=opened)

    @app.get("/")
    async def ready() -> str:
        return "ready"

    @app.post("/tasks")
    async def create() -> dict[str, object]:
        task_id = uuid4().hex
        await write(shelf.NEW, task_id)
        await enqueue(task_id)
        return {"code": 200, "taskId": task_id}

    return app


def upstream() -> aiohttp.ClientSession:
    """A client with a connection for each job that is at work; the worker opens and closes it."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE))


async def work(task_id: str, session: aiohttp.ClientSession) -> None:
    """Submit, poll, fetch, store, settle."""
    ref = (await _json(session, "POST", shelf.CREATE, json=shelf.BODY))["data"]["taskId"]
    await write(shelf.SUBMITTED, ref, task_id)
    await asyncio.sleep(shelf.FIRST_POLL_SECONDS)
    while True:
        record = (await _json(session, "GET", shelf.record_of(ref)))["data"]
        if record["state"] == "success":
            break
        await asyncio.sleep(shelf.POLL_SECONDS)
    async with session.get(json.loads(record["resultJson"])["resultUrls"][0]) as answer:
        data = await answer.read()
    await asyncio.to_thread(shelf.store, task_id, data)
    await write(shelf.ENDED, task_id)


async def _json(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> dict[str, Any]:
    async with session.request(method, url, **more) as answer:
        return await answer.json()


async def write(statement: str, *values: str) -> None:
    """Run one statement, committed."""
    async with pool.connection() as connection:
        await connection.execute(statement, values)
