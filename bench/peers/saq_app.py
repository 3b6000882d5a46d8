"""FastAPI in front of an SAQ worker on Redis, the task's row in PostgreSQL. Runs in the peers' own environment.

The worker: ``python -m bench.peers.saq_app``, asynchronous, 500 jobs at once, on uvloop and hiredis. Each job gives a
sign of life while it runs, which is how SAQ finds those of a worker that is gone; it sweeps them up and tries again.
"""
# pyright: reportMissingImports=false
# (it runs where these packages are; here they are not)

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import saq
import uvloop
from fastapi import FastAPI

from bench.peers import job, shelf

BEAT_SECONDS = 5
SILENT_SECONDS = 15
"""After so long without a sign of life a job is taken for lost."""
SWEEP_SECONDS = 30
"""Half of what is usual, to look sooner; a sweep may also hit a job that is just being taken, so not more often."""
JOB = {"timeout": 3600, "heartbeat": SILENT_SECONDS, "retries": 5}
"""A job may last an hour and be lost four times."""

queue = saq.Queue.from_url(os.environ["PEER_BROKER"], max_concurrent_ops=job.AT_ONCE)


async def work(context: dict[str, Any], *, task_id: str) -> None:
    """The job."""
    beating = asyncio.create_task(_beat(context["job"]))
    try:
        await job.work(task_id, context["upstream"])
    finally:
        beating.cancel()


async def _beat(running: saq.Job) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        await running.update()


@asynccontextmanager
async def _opened(_app: FastAPI) -> AsyncGenerator[None]:
    async with job.pool:
        await job.write(shelf.TABLE)
        await queue.connect()
        yield
        await queue.disconnect()


async def _enqueue(task_id: str) -> None:
    await queue.enqueue("work", task_id=task_id, **JOB)


app = job.api_of(_opened, _enqueue)


async def _worker() -> None:
    worker = saq.Worker(queue, [work], concurrency=job.AT_ONCE, timers={"sweep": SWEEP_SECONDS})
    async with job.pool, job.upstream() as worker.context["upstream"]:
        await queue.connect()
        await worker.start()


if __name__ == "__main__":
    uvloop.run(_worker())
