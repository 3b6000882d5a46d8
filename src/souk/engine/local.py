"""Running a task on this machine: always repeatable, so a crash simply runs it again."""

import shutil

from souk.assets.ingest import IngestFailed
from souk.engine.failure import Failure
from souk.engine.interrupt import check, guarded
from souk.engine.job import job_for
from souk.engine.request import summary
from souk.engine.result import finish_with
from souk.engine.routes import Route
from souk.engine.stages import stage_files, tell_stage
from souk.engine.storing import unstorable
from souk.engine.upstream import Upstream, replace_attempt
from souk.providers.base import Refused, Running
from souk.words import FailKind, TaskState

MAX_RUNS = 3


async def run_again(upstream: Upstream) -> None:
    """Go on with a task whose run another process had under way."""
    lease = upstream.lease
    await lease.step(attempt=lease.closed_attempt("handed_back"))
    await run_here(upstream, upstream.route())


async def run_here(upstream: Upstream, route: Route) -> None:
    """Run the task to its end, or back into the queue for its next route.

    A run that broke for a passing reason is repeated twice.
    """
    lease = upstream.lease
    for run in range(1, MAX_RUNS + 1):
        check(lease)
        failure = await _run(upstream, route)
        if failure is None:
            return
        if failure.kind is not FailKind.TRANSIENT or run == MAX_RUNS:
            await upstream.fail_over(failure)
            return
        await lease.step(attempt=lease.closed_attempt("failed", failure))


async def _run(upstream: Upstream, route: Route) -> Failure | None:
    """One run, as an attempt of its own: None if it ended the task."""
    lease, world = upstream.lease, upstream.world
    attempt = lease.new_attempt(route)
    job = await job_for(lease, route, attempt)
    await lease.step(TaskState.GENERATING, attempt=replace_attempt(attempt, request=summary(job)))
    # Of the attempt's own, so that a run another process still has under way cannot write into it.
    folder = lease.folder() / attempt.id
    folder.mkdir(parents=True)
    started = world.clock.monotonic()

    async def tell(reached: Running) -> None:
        files = await stage_files(lease, reached)
        if files is not None:
            await tell_stage(lease, reached, files)

    try:
        done = await guarded(lease, world.locals[route.connection.provider].run(job, folder, tell))
        upstream.count(job, "run", "done", started)
        await finish_with(lease, done, lease.closed_attempt("done", cost=done.cost))
    except Refused as refused:
        failure = Failure(refused.kind, refused.message, refused.upstream)
    except IngestFailed as error:
        failure = unstorable(error)
    else:
        return None
    upstream.count(job, "run", failure.kind.value, started)
    shutil.rmtree(folder, ignore_errors=True)
    return failure
