"""FastAPI in front of a Celery worker on Redis, the task's row in PostgreSQL. Runs in the peers' own environment.

The worker: ``celery -A bench.peers.celery_app:queue worker --pool=gevent --concurrency=500``, tasks acknowledged late
and given to another worker when one is lost, as Celery's manual advises for work that must not be lost.
"""
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false, reportAttributeAccessIssue=false
# (it runs where these packages are; here they are not)

import json
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg_pool
import requests
from celery import Celery
from fastapi import FastAPI

from bench.peers import shelf

CONNECTIONS = 20
GREENLETS = 500

queue = Celery("peer", broker=os.environ["PEER_BROKER"])
queue.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"max_connections": 2 * GREENLETS},  # past the usual 10 acknowledgements fail
    broker_connection_retry_on_startup=True,
)
pool = psycopg_pool.ConnectionPool(
    shelf.DATABASE, min_size=1, max_size=CONNECTIONS, open=False, kwargs={"autocommit": True}
)
upstream = requests.Session()
upstream.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=GREENLETS))


@queue.task
def work(task_id: str) -> None:
    """Submit, poll, fetch, store, settle."""
    pool.open()
    ref = upstream.post(shelf.CREATE, json=shelf.BODY, timeout=60).json()["data"]["taskId"]
    _run(shelf.SUBMITTED, ref, task_id)
    time.sleep(shelf.FIRST_POLL_SECONDS)
    while (record := upstream.get(shelf.record_of(ref), timeout=60).json()["data"])["state"] != "success":
        time.sleep(shelf.POLL_SECONDS)
    address = json.loads(record["resultJson"])["resultUrls"][0]
    shelf.store(task_id, upstream.get(address, timeout=60).content)
    _run(shelf.ENDED, task_id)


def _run(statement: str, *values: str) -> None:
    with pool.connection() as connection:
        connection.execute(statement, values)


@asynccontextmanager
async def _opened(_app: FastAPI) -> AsyncGenerator[None]:
    pool.open()
    _run(shelf.TABLE)
    yield
    pool.close()


app = FastAPI(lifespan=_opened)


@app.get("/")
def ready() -> str:
    return "ready"


@app.post("/tasks")
def create() -> dict[str, object]:
    """Take a task: a row, then a message."""
    task_id = uuid4().hex
    _run(shelf.NEW, task_id)
    work.delay(task_id)
    return {"code": 200, "taskId": task_id}
