"""After acceptance: asking until there is a verified verdict. No error on the way ends a task before its deadline."""

from dataclasses import replace

from souk.engine.failure import Failure
from souk.engine.hearing import hear
from souk.engine.interrupt import CancelAsked, guarded, pause
from souk.engine.lease import Lease
from souk.engine.stages import stage_files, tell_stage
from souk.engine.storing import store_at_once
from souk.engine.upstream import MAX_BACKOFF, Upstream, backoff
from souk.engine.wish import Wish
from souk.providers.base import Done, Hint, Job, Reply, Running, Unreachable
from souk.store.events import PROGRESS

PROGRESS_SECONDS = 2.0
"""Progress is written this often at most."""
TOLD_FACTOR = 5.0
"""So much more seldom are those polled whose upstream tells when there is news."""
USUAL_SECONDS = 30.0
"""Assumed for a model the catalogue no longer has."""


async def poll(upstream: Upstream) -> None:
    """Poll at the model's pace until the upstream is done or has failed for sure."""
    clock, route = upstream.world.clock, upstream.route()
    upstream.hold_slot(route)
    traffic, pace, job = upstream.traffic(route), upstream.pace(route), await upstream.job(route)
    accepted = _accepted(upstream)
    progress = _Progress(upstream.lease)
    errors, running = 0, 0.0
    while True:
        usual = pace.next_wait(clock.monotonic() - accepted, _usual_seconds(upstream))
        if traffic.telling:
            usual = min(MAX_BACKOFF, usual * TOLD_FACTOR)
        due = clock.monotonic() + usual
        said = await _news(upstream, job, backoff(errors) if errors else usual)
        if isinstance(said, Reply):
            verdict, asked = said.verdict, clock.monotonic()
        else:
            if not errors:
                pace.came(clock.monotonic() - due)
            turn = traffic.throttle.turn()
            if turn > 0:
                await _waited(upstream, job, turn)
            asked = clock.monotonic()
            verdict = await upstream.asked(job)
        if isinstance(verdict, Unreachable):
            errors += 1
            # The key may have been exchanged since; or it is another account's now, which knows nothing of this task.
            known = upstream.connection(route.connection)
            job = replace(job, connection=route.connection if job.connection is known else known)
            upstream.lease.runs_on(job.connection)
            if verdict.retry_after:
                # Not for ever: a paid result may lie there, and the deadline comes whatever the upstream asked.
                await _waited(upstream, job, min(verdict.retry_after, MAX_BACKOFF), upstream.lease.hint)
            continue
        errors = 0
        if isinstance(verdict, Running):
            running = asked - accepted
            if verdict.stage:
                await _tell(upstream, job, verdict)
            await progress.write(verdict.progress)
            continue
        if upstream.accepted_at is not None:
            # Had this process been in time, it would have asked when that was due.
            pace.learn(running, min(asked, due) - accepted)
        if isinstance(verdict, Done):
            return await store_at_once(upstream, verdict)
        return await upstream.fail_over(Failure(verdict.kind, verdict.message, verdict.upstream))


def _accepted(upstream: Upstream) -> float:
    """When the upstream took the task, on the monotonic clock.

    Of a task taken over from another process this is told by the row of its attempt: by the moment of the take-over, it
    would be looked at a whole usual duration later.
    """
    if upstream.accepted_at is not None:
        return upstream.accepted_at
    ago = upstream.world.clock.now() - upstream.submitted_at()
    return upstream.world.clock.monotonic() - max(0, ago) / 1000


async def _news(upstream: Upstream, job: Job, seconds: float) -> Hint | Reply | None:
    """Wait for the time of the next poll, or for a report that is about this task; what it said.

    Raises DeadlinePassed, and CancelAsked when a cancel came that the upstream confirmed.
    """
    lease, clock = upstream.lease, upstream.world.clock
    due = clock.monotonic() + seconds
    while True:
        await _waited(upstream, job, max(0.0, due - clock.monotonic()), lease.hint)
        said = await hear(upstream, job) if lease.hint.is_set() else None
        if said is not None or clock.monotonic() >= due:
            return said


async def _waited(upstream: Upstream, job: Job, seconds: float, wake: Wish | None = None) -> None:
    """Wait, but no longer than till ``wake``. Raises as :func:`_news` does."""
    try:
        await pause(upstream.lease, seconds, wake)
    except CancelAsked:
        await _cancel(upstream, job)


async def _tell(upstream: Upstream, job: Job, reached: Running) -> None:
    """Write a stage. Neither a cancel nor the deadline waits for the storing of its files."""
    lease = upstream.lease
    try:
        files = await guarded(lease, stage_files(lease, reached))
    except CancelAsked:
        await _cancel(upstream, job)
    else:
        if files is not None:
            await tell_stage(lease, reached, files)


async def _cancel(upstream: Upstream, job: Job) -> None:
    """Act on a cancel request: raises CancelAsked if the upstream drops the task, else the task runs on."""
    if await upstream.cancel(job):
        raise CancelAsked
    await upstream.too_late_to_cancel()


def _usual_seconds(upstream: Upstream) -> float:
    model = upstream.world.catalog.find(upstream.lease.task.model)
    return model.usual_seconds if model else USUAL_SECONDS


class _Progress:
    """Writes progress when it has grown, now and then."""

    __slots__ = ("_lease", "_written_at")

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._written_at = float("-inf")

    async def write(self, progress: int | None) -> None:
        now = self._lease.world.clock.monotonic()
        if not progress or progress <= (self._lease.task.progress or 0):
            return
        if now - self._written_at >= PROGRESS_SECONDS:
            self._written_at = now
            known = min(99, progress)
            if self._lease.task.progress_url:
                await self._lease.reach(PROGRESS, {"progress": known}, known)
            else:
                await self._lease.step(progress=known)
