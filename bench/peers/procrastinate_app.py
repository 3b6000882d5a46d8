"""FastAPI in front of a procrastinate worker, queue and rows in PostgreSQL. Runs in the peers' own environment.

The worker: ``python -m bench.peers.procrastinate_app``, asynchronous, 500 jobs at once, woken by LISTEN/NOTIFY as is
its default; the row and its job are committed one after the other. The jobs of a worker that is gone are taken back by
a periodic task, as its manual advises.
"""
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false
# (it runs where these packages are; here they are not)

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import procrastinate
import uvloop
from fastapi import FastAPI

from bench.peers import job, shelf

queue = procrastinate.App(connector=procrastinate.PsycopgConnector())


@queue.task(name="work", pass_context=True)
async def work(context: procrastinate.JobContext, task_id: str) -> None:
    """The job."""
    await job.work(task_id, context.additional_context["upstream"])


@queue.periodic(cron="* * * * * */10")
@queue.task(queueing_lock="take_back", pass_context=True)
async def take_back(_context: procrastinate.JobContext, timestamp: int) -> None:  # noqa: ARG001 - by that name it comes
    """Every ten seconds: what a worker had that has not been heard of for 30."""
    for lost in await queue.job_manager.get_stalled_jobs():
        await queue.job_manager.retry_job(lost)


@asynccontextmanager
async def _opened(_app: FastAPI) -> AsyncGenerator[None]:
    async with job.pool, queue.open_async(job.pool):
        await job.write(shelf.TABLE)
        if not await queue.check_connection_async():
            await queue.schema_manager.apply_schema_async()
        yield


async def _enqueue(task_id: str) -> None:
    await work.defer_async(task_id=task_id)


app = job.api_of(_opened, _enqueue)


async def _worker() -> None:
    async with job.pool, queue.open_async(job.pool), job.upstream() as session:
        await queue.run_worker_async(
            concurrency=job.AT_ONCE, delete_jobs="successful", additional_context={"upstream": session}
        )


if __name__ == "__main__":
    uvloop.run(_worker())
