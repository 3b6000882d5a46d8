"""Unclear submits: sent, with no readable answer. They are looked up, and repeated only where that was allowed.

A report of the upstream at the attempt's address ends the doubt as well as a look-up.

An upstream that honours idempotency keys allows it; so may the operator, once for each task of a route.
"""

from souk.engine.failure import Failure
from souk.engine.hearing import acceptance
from souk.engine.interrupt import nap
from souk.engine.routes import Route
from souk.engine.upstream import (
    FINAL_KINDS,
    FIRST_BACKOFF,
    MAX_BACKOFF,
    ConnectionGone,
    Upstream,
    replace_attempt,
)
from souk.providers.base import Accepted, Done, NotAccepted, Refused
from souk.words import FailKind, TaskState

_UNCLEAR = Failure(
    FailKind.UNCLEAR,
    "the upstream never said whether it took this task, so it was not sent again; nothing was charged, "
    "and creating it anew may run it",
)
_STILL_UNCLEAR = Failure(
    FailKind.UNCLEAR,
    "no upstream said whether it took this task, which was sent twice; nothing was charged, "
    "and creating it anew may run it",
)
_ONCE_MORE = Failure(
    FailKind.UNCLEAR,
    "the upstream never said whether it took this task; as its route allows, it is submitted once more",
)


async def found_submitting(upstream: Upstream) -> None:
    """An earlier process died between the mark and the answer: nobody knows whether the upstream has the task."""
    told = replace_attempt(
        upstream.lease.current_attempt(),
        verdict="unclear",
        kind=FailKind.UNCLEAR.value,
        message="the process that submitted this task ended before the answer came",
    )
    await upstream.lease.step(TaskState.REVIEW, attempt=told)


async def _give_up(upstream: Upstream, route: Route) -> None:
    """End the task uncharged, unless its route allows another submit and this was the first unclear one."""
    unclear = await upstream.unclear_attempts()
    if route.resubmit_unclear and unclear == 1 and upstream.lease.seconds_left > 0:
        await upstream.refused(upstream.lease.current_attempt(), _ONCE_MORE, "unclear")
    else:
        await upstream.lease.fail(_UNCLEAR if unclear == 1 else _STILL_UNCLEAR, verdict="unclear")


async def review(upstream: Upstream) -> None:
    """Look the submit up until it is found, reported, disproved, or the review's time is over."""
    lease, clock = upstream.lease, upstream.world.clock
    until = min(lease.task.updated_at + upstream.world.limits.review_seconds * 1000, lease.task.deadline_at)
    try:
        route = upstream.route()
    except ConnectionGone:
        if clock.now() < until:
            raise
        return await lease.fail(_UNCLEAR, verdict="unclear")
    provider, traffic = upstream.provider(route), upstream.traffic(route)
    wait = FIRST_BACKOFF
    while True:
        await upstream.too_late_to_cancel()
        job = await upstream.job(route)
        if taken := await acceptance(upstream, job):
            return await upstream.taken(taken)
        started = clock.monotonic()
        # A repeat would be the first submit if that one never arrived, so it is not sent where none may be.
        repeats = provider.idempotent and not traffic.gone
        try:
            answer = await (provider.submit if repeats else provider.recover)(job, upstream.world.http)
        except Refused as refused:
            upstream.count(job, "recover", "refused", started)
            if not repeats or refused.kind in FINAL_KINDS:
                failure = Failure(refused.kind, refused.message, refused.upstream)
                return await upstream.refused(lease.current_attempt(), failure, "refused")
            # That the repeat was not let in (too many calls, no credit left) says nothing of the first submit.
            lease.log("review without an answer", reason=refused.message)
            answer = None
        except Exception as error:  # noqa: BLE001 - a look-up that broke has told nothing
            lease.log("review without an answer", reason=str(error))
            answer = None
        upstream.count(job, "recover", type(answer).__name__.lower(), started)
        if isinstance(answer, Accepted | Done):
            return await upstream.taken(answer)
        if isinstance(answer, NotAccepted):
            disproved = Failure(FailKind.TRANSIENT, "the upstream never took the submit")
            return await upstream.refused(lease.current_attempt(), disproved, "never_sent")
        left = (until - clock.now()) / 1000
        if left <= 0:
            return await _give_up(upstream, route)
        await nap(clock, min(wait, left), lease.hint)
        wait = min(MAX_BACKOFF, wait * 2)
