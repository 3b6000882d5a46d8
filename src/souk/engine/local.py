"""Running a task on this machine: always repeatable, so a crash simply runs it again."""

import shutil

from souk.assets.ingest import IngestFailed
from souk.engine.interrupt import guarded
from souk.engine.job import folder_of, job_for
from souk.engine.lease import Failure, Lease
from souk.engine.result import finish_with
from souk.engine.routes import Route
from souk.engine.stages import stage_files, tell_stage
from souk.engine.storing import unstorable
from souk.providers.base import LocalProvider, Refused, Running
from souk.words import FailKind, TaskState

MAX_RUNS = 3


async def run_local(lease: Lease, route: Route, provider: LocalProvider) -> None:
    """Run the task to its end; a run that broke for a passing reason is repeated twice."""
    world = lease.world
    if lease.task.attempt_id is not None:
        await lease.step(attempt=lease.closed_attempt("handed_back"))
    for run in range(1, MAX_RUNS + 1):
        attempt = lease.new_attempt(route)
        await lease.step(TaskState.GENERATING, attempt=attempt)
        # Of the attempt's own, so that a run another process still has under way cannot write into it.
        folder = folder_of(lease) / attempt.id
        folder.mkdir(parents=True)
        job = await job_for(lease, route, attempt)
        started = world.clock.monotonic()

        async def tell(reached: Running) -> None:
            files = await stage_files(lease, reached)
            if files is not None:
                await tell_stage(lease, reached, files)

        try:
            done = await guarded(lease, provider.run(job, folder, tell))
            world.meters.provider_call(
                route.connection.name, "run", "done", world.clock.monotonic() - started
            )
            await finish_with(lease, done, lease.closed_attempt("done", cost=done.cost))
        except Refused as refused:
            failure = Failure(refused.kind, refused.message, refused.upstream)
        except IngestFailed as error:
            failure = unstorable(error)
        else:
            return
        world.meters.provider_call(
            route.connection.name, "run", failure.kind.value, world.clock.monotonic() - started
        )
        shutil.rmtree(folder, ignore_errors=True)
        if failure.kind is not FailKind.TRANSIENT or run == MAX_RUNS:
            await lease.fail(failure, verdict="failed")
            return
        await lease.step(attempt=lease.closed_attempt("failed", failure))
