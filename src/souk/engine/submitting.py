"""Before acceptance: offering a task to its routes, with a durable mark before the first byte of a submit leaves."""

import json
from dataclasses import replace
from typing import Any

from souk.engine.breaker import OPENS_AT_ONCE
from souk.engine.cause import is_of_wish, most_useful
from souk.engine.failure import Failure
from souk.engine.gate import Gate
from souk.engine.interrupt import Withdrawn, check, guarded, pause
from souk.engine.local import run_here
from souk.engine.open_routes import why_none
from souk.engine.request import summary
from souk.engine.roads import Traffic
from souk.engine.routes import Route
from souk.engine.upstream import (
    FINAL_KINDS,
    FIRST_BACKOFF,
    MAX_ATTEMPTS,
    MAX_BACKOFF,
    PASSING_KINDS,
    Upstream,
    replace_attempt,
    was_on,
)
from souk.engine.wish import Wish
from souk.net.http import NetError, NeverSent
from souk.providers.base import Job, Refused
from souk.providers.fitting import fitted, said_of
from souk.store.attempts import Attempt
from souk.words import FailKind, TaskState

FULL_SECONDS = 0.5
"""How often to look for room on a connection whose limit other processes fill."""
NO_ROUTE_LEFT = Failure(FailKind.UNSUPPORTED, "no connection can run this model any more")
WITHDRAWN = Failure(FailKind.TRANSIENT, "the connection was taken out of the configuration", shut=True)
"""Says nothing to the task's owner: the next round knows of the connection's end."""
SUBMIT_START_SHARE = 1 / 3
"""A submit that has not begun this share of a lease after its mark is abandoned: another node may already review it."""


async def submit(upstream: Upstream) -> None:
    """Offer the task to each route in turn, in rounds, until one takes it or none ever will."""
    lease, roads = upstream.lease, upstream.roads
    failed_before = await upstream.failed_attempts()
    unable: set[tuple[str, str, str]] = set()
    cause = most_useful(await upstream.failures())
    wait, refusals = FIRST_BACKOFF, 0
    while True:
        version, shape = upstream.book.version, roads.shape
        if not upstream.routes:
            check(lease)
            raise why_none(lease)
        failures: list[Failure] = []
        for route in upstream.routes:
            if was_on(route.connection, failed_before) or _place(route) in unable:
                continue
            failure = await _offer(upstream, upstream.as_configured(route))
            if failure is None:
                return
            if failure is WITHDRAWN:
                continue
            failures.append(failure)
            cause = most_useful((cause, failure))
            if is_of_wish(failure):
                unable.add(_place(route))
            refusals += not (_is_no_fault(failure) or is_of_wish(failure))
            if not failure.shut and failure.kind in FINAL_KINDS:
                await lease.fail(failure)
                return
            if refusals >= MAX_ATTEMPTS:
                await lease.fail(cause or failure)
                return
        if roads.shape != shape:
            continue
        passing = [failure for failure in failures if failure.shut or failure.kind in PASSING_KINDS]
        if not passing:
            await lease.fail(cause or NO_ROUTE_LEFT)
            return
        if all(failure.shut for failure in passing):
            await guarded(lease, upstream.book.changed(version))
            continue
        asked = min(failure.retry_after or 0.0 for failure in passing)
        if all(map(_is_no_fault, passing)):
            await _rest(upstream, asked)
            continue
        await _rest(upstream, max(asked, wait * (0.5 + upstream.world.random.random())))
        wait = min(MAX_BACKOFF, wait * 2)


async def _rest(upstream: Upstream, seconds: float) -> None:
    """Wait before the next round, but no longer than until a connection comes or goes."""
    with upstream.roads.listening() as news:
        await pause(upstream.lease, seconds, news)


def _place(route: Route) -> tuple[str, str, str]:
    return route.connection.name, route.connection.provider, route.upstream_model


def _is_no_fault(failure: Failure) -> bool:
    """Too many calls, or a connection that takes no tasks: the task waits its turn, as long as it has time."""
    return failure.shut or failure.kind is FailKind.RATE_LIMIT


async def _offer(upstream: Upstream, route: Route) -> Failure | None:
    """One attempt on one route: None when it was taken, is unclear or ran here, else why it was refused."""
    if upstream.is_here(route):
        await run_here(upstream, route)
        return None
    with upstream.traffic(route).offer() as leave:
        try:
            return await _try(upstream, route, leave)
        except Withdrawn:
            upstream.release_slot()
            return WITHDRAWN


async def _try(upstream: Upstream, route: Route, leave: Wish) -> Failure | None:
    """As :func:`_offer`. Raises Withdrawn once ``leave`` is set, as long as nothing was sent."""
    lease, traffic = upstream.lease, upstream.traffic(route)
    if leave.is_set():
        raise Withdrawn
    if shut := await traffic.door.shut():
        return shut
    if traffic.gate.shut_for:
        return _asked_too_often(traffic.gate)
    # What needs no waiting is done without a task of asyncio to wait in; a submit would begin three of them.
    if not upstream.slot_at_once(route):
        await guarded(lease, upstream.acquire_slot(route), leave)
        route = upstream.as_configured(route)
    attempt = lease.new_attempt(route)
    try:
        if shut := await traffic.door.enter(attempt.id):
            upstream.release_slot()
            return shut
        return await _attempt(upstream, route, attempt, leave)
    finally:
        await traffic.door.leave(attempt.id)


async def _attempt(upstream: Upstream, route: Route, attempt: Attempt, leave: Wish) -> Failure | None:
    lease, traffic = upstream.lease, upstream.traffic(route)
    try:
        job = await guarded(lease, _prepared(upstream, route, attempt), leave)
    except Refused as refused:
        failure = _failure_of(refused)
        if failure.kind in OPENS_AT_ONCE:
            await traffic.door.refused(attempt.id, failure)
        return await _refused(upstream, attempt, failure, "refused")
    except (NetError, ValueError, OSError) as error:
        return await _refused(upstream, attempt, Failure(FailKind.TRANSIENT, str(error)), "never_sent")
    try:
        if not upstream.gate_at_once(route):
            await guarded(lease, upstream.enter_gate(route), leave)
        if not traffic.turns.endless:
            await guarded(lease, traffic.turns.turn(lease.task.account_id), leave)
        while True:
            # It may have shut while the task waited for its turn.
            if shut := await traffic.door.shut(attempt.id):
                upstream.release_slot()
                return shut
            # Work done at once has outrun a deadline or a cancel that stood before it; nothing may after the mark.
            check(lease)
            if leave.is_set():
                raise Withdrawn
            lease.handing_over = True
            before = upstream.world.clock.monotonic()
            if marked := await _marked(upstream, job, attempt):
                return await _hand_over(upstream, traffic, job, marked, before)
            lease.handing_over = False
            await pause(lease, FULL_SECONDS * (0.5 + upstream.world.random.random()))
    finally:
        lease.handing_over = False
        upstream.leave_gate()


def _asked_too_often(gate: Gate) -> Failure:
    asked = "the upstream was asked too often and takes no tasks for the moment"
    return Failure(FailKind.RATE_LIMIT, asked, retry_after=gate.shut_for)


async def _prepared(upstream: Upstream, route: Route, attempt: Attempt) -> Job:
    """The job, ready to be handed over: its files are here, as the upstream takes them. Raises Refused."""
    provider = upstream.provider(route)
    job = await fitted(await upstream.first_job(route, attempt), provider, upstream.world.fitters)
    return await provider.prepare(job, upstream.world.http)


async def _marked(upstream: Upstream, job: Job, attempt: Attempt) -> Attempt | None:
    """The attempt with its durable mark; None while other processes fill the connection."""
    marked = replace_attempt(attempt, submitted_at=upstream.world.clock.now(), request=summary(job))
    prepared, limit = json.dumps(job.prepared), upstream.connection(job.connection).concurrency
    told: dict[str, Any] = {"fitted": json.dumps(said)} if (said := said_of(job)) else {}
    written = await upstream.lease.step(
        TaskState.SUBMITTING, attempt=marked, prepared=prepared, limit=limit, **told
    )
    return marked if written else None


async def _hand_over(
    upstream: Upstream, traffic: Traffic, job: Job, attempt: Attempt, marking_at: float
) -> Failure | None:
    clock = upstream.world.clock
    if traffic.gone:
        gone = Failure(FailKind.TRANSIENT, "the connection was taken away before the submit")
        await _refused(upstream, attempt, gone, "never_sent")
        return WITHDRAWN
    if clock.monotonic() - marking_at > upstream.world.limits.lease_seconds * SUBMIT_START_SHARE:
        late = Failure(FailKind.TRANSIENT, "this process was too slow to start the submit")
        return await _refused(upstream, attempt, late, "never_sent")
    started = clock.monotonic()
    provider = upstream.world.providers[job.connection.provider]
    # It may have waited its turn for long: a key may be another by now, and what a provider signs goes by the time.
    job = replace(job, now=clock.now(), connection=upstream.connection(job.connection))
    upstream.lease.runs_on(job.connection)
    try:
        answer = await provider.submit(job, upstream.world.http)
    except Refused as refused:
        upstream.count(job, "submit", "refused", started)
        failure, verdict = _failure_of(refused), "refused"
        if refused.kind is FailKind.RATE_LIMIT:
            traffic.gate.too_often(refused.retry_after)
            failure = replace(failure, retry_after=traffic.gate.shut_for)
    except NeverSent as error:
        upstream.count(job, "submit", "never_sent", started)
        failure, verdict = Failure(FailKind.TRANSIENT, str(error)), "never_sent"
    except Exception as error:  # noqa: BLE001 - whatever else went wrong, the upstream may have taken it
        upstream.count(job, "submit", "unclear", started)
        await _unclear(upstream, attempt, error)
        await traffic.door.refused(attempt.id, Failure(FailKind.UNCLEAR, f"no readable answer: {error}"))
        return None
    else:
        upstream.count(job, "submit", "accepted", started)
        traffic.gate.taken()
        await upstream.taken(answer)
        await traffic.door.took(attempt.id, attempt.submitted_at or 0)
        return None
    await _refused(upstream, attempt, failure, verdict)
    await traffic.door.refused(attempt.id, failure)
    return failure


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
