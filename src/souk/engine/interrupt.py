"""Waiting that a deadline or a cancel request can end."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from souk.clock import Clock
from souk.engine.lease import Lease
from souk.engine.wish import Wish

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


class Withdrawn(Exception):
    """The connection the task was about to be submitted on is gone."""


async def guarded(lease: Lease, work: Coroutine[Any, Any, T], leave: Wish | None = None) -> T:
    """The work's answer, unless the deadline passes or a cancel is asked first; the work is then stopped.

    So it is once ``leave`` is set, by which Withdrawn is raised.
    """
    if lease.cancelled.is_set():
        work.close()
        raise CancelAsked
    if leave is not None and leave.is_set():
        work.close()
        raise Withdrawn
    life = asyncio.current_task()
    reasons: list[type[Exception]] = []

    def stop(reason: type[Exception]) -> None:
        if life is not None and not reasons:
            reasons.append(reason)
            life.cancel()

    timer = lease.world.clock.call_later(max(0.0, lease.seconds_left), partial(stop, DeadlinePassed))
    lease.cancelled.heard_by(partial(stop, CancelAsked))
    if leave is not None:
        leave.heard_by(partial(stop, Withdrawn))
    try:
        return await work
    finally:
        timer.cancel()
        lease.cancelled.heard_by(None)
        if leave is not None:
            leave.heard_by(None)
        # Where the engine has cancelled this life besides, it is closing, and that goes first.
        if life is not None and reasons and not life.uncancel():
            raise reasons[0] from None


async def pause(lease: Lease, seconds: float, wake: Wish | None = None) -> None:
    """Sleep, but no longer than to the deadline, or till ``wake``. Raises CancelAsked at once when a cancel comes."""
    check(lease)
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wakened = partial(_settle, over)
    # The deadline passing is seen by whoever pauses next.
    timer = lease.world.clock.call_later(min(seconds, lease.seconds_left), wakened)
    lease.cancelled.heard_by(wakened)
    if wake is not None:
        wake.heard_by(wakened)
    try:
        await over
    finally:
        timer.cancel()
        lease.cancelled.heard_by(None)
        if wake is not None:
            wake.heard_by(None)
    if lease.cancelled.is_set():
        raise CancelAsked


async def nap(clock: Clock, seconds: float, wake: Wish) -> None:
    """Sleep where neither a deadline nor a cancel may interrupt, till ``wake`` at the latest."""
    over = asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    wake.heard_by(over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()
        wake.heard_by(None)


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
