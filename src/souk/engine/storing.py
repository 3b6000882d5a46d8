"""Storing: the upstream is done; now its files become ours."""

import asyncio

from souk.assets.ingest import IngestFailed
from souk.engine.failure import Failure
from souk.engine.files import all_stored
from souk.engine.interrupt import DeadlinePassed
from souk.engine.result import finish_stored, finish_with, is_addressed, outputs_from_json, spooled_json
from souk.engine.upstream import Upstream, backoff
from souk.providers.base import Done
from souk.words import FailKind

AT_ONCE_SECONDS = 1.0
"""Files may take this long before the verdict that names them is written. Were this process killed meanwhile, the next
one would ask the upstream again."""


async def store_at_once(upstream: Upstream, done: Done) -> None:
    """Bring a result in and end the task in one write; if that takes long, the verdict is written beside it.

    What the upstream handed over itself, and not by its address, is written before anything else. So is what could not
    be brought in: :func:`store` goes on from there.
    """
    if not is_addressed(done):
        await upstream.to_storing(done)
        return
    lease = upstream.lease
    writing: list[asyncio.Task[None]] = []
    timer = upstream.world.clock.call_later(
        AT_ONCE_SECONDS, lambda: writing.append(asyncio.create_task(upstream.to_storing(done)))
    )
    try:
        rows = await all_stored(lease, done.files)
    except IngestFailed as error:
        rows = error
    finally:
        timer.cancel()
        await asyncio.gather(*writing)
    if not isinstance(rows, IngestFailed):
        await finish_stored(lease, done, rows, lease.closed_attempt("done", cost=done.cost))
        return
    if rows.retryable and not writing:
        await upstream.to_storing(done)
    await _failed(upstream, rows, 1)


async def store(upstream: Upstream) -> None:
    """Copy the result into our storage; a file that cannot be had is asked for again, never made again."""
    lease = upstream.lease
    errors = 0
    while not lease.ended:
        await upstream.too_late_to_cancel()
        try:
            done = outputs_from_json(lease.task.outputs or "", lease.folder())
            await finish_with(lease, done, lease.closed_attempt("done", cost=done.cost))
        except IngestFailed as error:
            errors += 1
            await _failed(upstream, error, errors)


def unstorable(error: IngestFailed) -> Failure:
    """What the client hears when a result could not be stored."""
    kind = FailKind.TRANSIENT if error.retryable else FailKind.INTERNAL
    return Failure(kind, f"the result could not be stored: {error}")


async def _failed(upstream: Upstream, error: IngestFailed, errors: int) -> None:
    """End the task where no repetition helps, else wait a while and ask for newer addresses. Raises DeadlinePassed."""
    lease = upstream.lease
    lease.log("storing failed", reason=str(error), errors=errors)
    if not error.retryable:
        await lease.fail(unstorable(error), verdict="failed")
        return
    if lease.seconds_left <= 0:
        raise DeadlinePassed
    await upstream.world.clock.sleep(min(backoff(errors), lease.seconds_left))
    await _refresh(upstream)


async def _refresh(upstream: Upstream) -> None:
    """Ask the upstream once more: it may have newer addresses for the same files."""
    lease = upstream.lease
    if not lease.task.ref:
        return
    verdict = await upstream.asked(await upstream.job(upstream.route()))
    if isinstance(verdict, Done):
        await lease.step(outputs=await spooled_json(verdict, lease.folder()))
