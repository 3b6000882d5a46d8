"""Before acceptance: offering a task to its routes, with a durable mark before the first byte of a submit leaves."""

import json

from souk.engine.gate import Gate
from souk.engine.interrupt import check, guarded, pause
from souk.engine.job import job_for
from souk.engine.lease import Failure
from souk.engine.routes import Route
from souk.engine.upstream import (
    FINAL_KINDS,
    FIRST_BACKOFF,
    MAX_ATTEMPTS,
    MAX_BACKOFF,
    PASSING_KINDS,
    Upstream,
    replace_attempt,
)
from souk.net.http import NetError, NeverSent
from souk.providers.base import Job, Refused
from souk.store.attempts import Attempt
from souk.words import FailKind, TaskState

SUBMIT_START_SHARE = 1 / 3
"""A submit that has not begun this share of a lease after its mark is abandoned: another node may already review it."""


async def submit(upstream: Upstream) -> None:
    """Offer the task to each route in turn, in rounds, until one takes it or none ever will."""
    lease = upstream.lease
    failed_before = await upstream.failed_connections()
    routes = [route for route in upstream.routes if route.connection.name not in failed_before]
    wait, refusals = FIRST_BACKOFF, 0
    while True:
        failures: list[Failure] = []
        for route in routes:
            failure = await _offer(upstream, route)
            if failure is None:
                return
            failures.append(failure)
            # Too many calls is no fault of the task: it waits its turn, as long as it has time.
            refusals += failure.kind is not FailKind.RATE_LIMIT
            if failure.kind in FINAL_KINDS or refusals >= MAX_ATTEMPTS:
                await lease.fail(failure)
                return
        passing = [failure for failure in failures if failure.kind in PASSING_KINDS]
        if not passing:
            await lease.fail(failures[-1] if failures else await upstream.last_failure())
            return
        asked = min(failure.retry_after or 0.0 for failure in passing)
        if all(failure.kind is FailKind.RATE_LIMIT for failure in passing):
            await pause(lease, asked)
            continue
        await pause(lease, max(asked, wait * (0.5 + upstream.world.random.random())))
        wait = min(MAX_BACKOFF, wait * 2)


async def _offer(upstream: Upstream, route: Route) -> Failure | None:
    """One attempt on one route: None when it was taken or is unclear, else why it was refused."""
    lease = upstream.lease
    gate = upstream.traffic(route).gate
    if gate.shut_for:
        return _asked_too_often(gate)
    await guarded(lease, upstream.acquire_slot(route))
    attempt = lease.new_attempt(route)
    try:
        job = await guarded(lease, _prepared(upstream, route, attempt))
    except Refused as refused:
        return await _refused(upstream, attempt, _failure_of(refused), "refused")
    except (NetError, ValueError, OSError) as error:
        return await _refused(upstream, attempt, Failure(FailKind.TRANSIENT, str(error)), "never_sent")
    try:
        await guarded(lease, upstream.enter_gate(route))
        # Work done at once has outrun a deadline or a cancel that stood before it; nothing may after the mark.
        check(lease)
        lease.handing_over = True
        return await _hand_over(upstream, job, attempt, gate)
    finally:
        lease.handing_over = False
        upstream.leave_gate()


def _asked_too_often(gate: Gate) -> Failure:
    asked = "the upstream was asked too often and takes no tasks for the moment"
    return Failure(FailKind.RATE_LIMIT, asked, retry_after=gate.shut_for)


async def _prepared(upstream: Upstream, route: Route, attempt: Attempt) -> Job:
    job = await job_for(upstream.lease, route, attempt)
    return await upstream.provider(route).prepare(job, upstream.world.http)


async def _hand_over(upstream: Upstream, job: Job, attempt: Attempt, gate: Gate) -> Failure | None:
    clock, lease = upstream.world.clock, upstream.lease
    before = clock.monotonic()
    marked = replace_attempt(attempt, submitted_at=clock.now(), request=_summary(job))
    await lease.step(TaskState.SUBMITTING, attempt=marked, prepared=json.dumps(job.prepared))
    if clock.monotonic() - before > upstream.world.limits.lease_seconds * SUBMIT_START_SHARE:
        late = Failure(FailKind.TRANSIENT, "this process was too slow to start the submit")
        return await _refused(upstream, attempt, late, "never_sent")
    started = clock.monotonic()
    provider = upstream.world.providers[job.connection.provider]
    try:
        answer = await provider.submit(job, upstream.world.http)
    except Refused as refused:
        upstream.count(job, "submit", "refused", started)
        if refused.kind is FailKind.RATE_LIMIT:
            gate.too_often(refused.retry_after)
            refused.retry_after = gate.shut_for
        return await _refused(upstream, attempt, _failure_of(refused), "refused")
    except NeverSent as error:
        upstream.count(job, "submit", "never_sent", started)
        return await _refused(upstream, attempt, Failure(FailKind.TRANSIENT, str(error)), "never_sent")
    except Exception as error:  # noqa: BLE001 - whatever else went wrong, the upstream may have taken it
        upstream.count(job, "submit", "unclear", started)
        await _unclear(upstream, attempt, error)
        return None
    upstream.count(job, "submit", "accepted", started)
    gate.taken()
    await upstream.taken(answer)
    return None


async def _unclear(upstream: Upstream, attempt: Attempt, error: Exception) -> None:
    told = replace_attempt(
        attempt,
        verdict="unclear",
        kind=FailKind.UNCLEAR.value,
        message=f"the outcome of the submit is unclear: {error}"[:1000],
    )
    await upstream.lease.step(TaskState.REVIEW, attempt=told)


async def _refused(upstream: Upstream, attempt: Attempt, failure: Failure, verdict: str) -> Failure:
    await upstream.refused(attempt, failure, verdict)
    return failure


def _failure_of(refused: Refused) -> Failure:
    return Failure(refused.kind, refused.message, refused.upstream, refused.retry_after)


def _summary(job: Job) -> str:
    """What was asked, for the story of the task: field names only, never the prompt."""
    return f"{job.upstream_model}: {', '.join(sorted(job.input))}"[:500]
