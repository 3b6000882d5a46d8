"""Storing: the upstream is done and its verdict is written; now its files become ours."""

from souk.assets.ingest import IngestFailed
from souk.engine.interrupt import DeadlinePassed
from souk.engine.job import folder_of
from souk.engine.lease import Failure
from souk.engine.result import finish_with, outputs_from_json, spooled_json
from souk.engine.upstream import Upstream, backoff
from souk.providers.base import Done
from souk.words import FailKind


async def store(upstream: Upstream) -> None:
    """Copy the result into our storage; a file that cannot be had is asked for again, never made again."""
    lease = upstream.lease
    errors = 0
    while True:
        await upstream.too_late_to_cancel()
        try:
            done = outputs_from_json(lease.task.outputs or "", folder_of(lease))
            return await finish_with(lease, done, lease.closed_attempt("done", cost=done.cost))
        except IngestFailed as error:
            errors += 1
            lease.log("storing failed", reason=str(error), errors=errors)
            if not error.retryable:
                return await lease.fail(unstorable(error), verdict="failed")
        if lease.seconds_left <= 0:
            raise DeadlinePassed
        await upstream.world.clock.sleep(min(backoff(errors), lease.seconds_left))
        await _refresh(upstream)


def unstorable(error: IngestFailed) -> Failure:
    """What the client hears when a result could not be stored."""
    kind = FailKind.TRANSIENT if error.retryable else FailKind.INTERNAL
    return Failure(kind, f"the result could not be stored: {error}")


async def _refresh(upstream: Upstream) -> None:
    """Ask the upstream once more: it may have newer addresses for the same files."""
    lease = upstream.lease
    if not lease.task.ref:
        return
    verdict = await upstream.asked(await upstream.job(upstream.route()))
    if isinstance(verdict, Done):
        await lease.step(outputs=await spooled_json(verdict, folder_of(lease)))
