"""Waiting that a deadline or a cancel request can end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from souk.engine.lease import Lease

T = TypeVar("T")


class DeadlinePassed(Exception):
    """The task's time is over."""


class CancelAsked(Exception):
    """The client asked to cancel and the task can be stopped here."""


def check(lease: Lease) -> None:
    """Raises DeadlinePassed or CancelAsked when the task must not go on."""
    if lease.seconds_left <= 0:
        raise DeadlinePassed
    if lease.cancelled.is_set():
        raise CancelAsked


async def guarded(lease: Lease, work: Coroutine[Any, Any, T]) -> T:
    """The work's answer, unless the deadline passes or a cancel is asked first; the work is then stopped."""
    running = asyncio.ensure_future(work)
    deadline = asyncio.ensure_future(lease.world.clock.sleep(max(0.0, lease.seconds_left)))
    cancel = asyncio.ensure_future(lease.cancelled.wait())
    try:
        await asyncio.wait({running, deadline, cancel}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise CancelAsked if cancel.done() else DeadlinePassed
    finally:
        await _stop(running, deadline, cancel)


async def pause(lease: Lease, seconds: float) -> None:
    """Sleep, but no longer than to the deadline. Raises CancelAsked at once when a cancel comes."""
    check(lease)
    sleeping = asyncio.ensure_future(lease.world.clock.sleep(min(seconds, lease.seconds_left)))
    cancel = asyncio.ensure_future(lease.cancelled.wait())
    try:
        await asyncio.wait({sleeping, cancel}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _stop(sleeping, cancel)
    if lease.cancelled.is_set():
        raise CancelAsked


async def _stop(*futures: "asyncio.Future[Any]") -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
