"""Waiting that a deadline or a cancel request can end."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
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


async def guarded(lease: Lease, work: Coroutine[Any, Any, T]) -> T:
    """The work's answer, unless the deadline passes or a cancel is asked first; the work is then stopped."""
    if lease.cancelled.is_set():
        work.close()
        raise CancelAsked
    life = asyncio.current_task()
    reasons: list[type[Exception]] = []

    def stop(reason: type[Exception]) -> None:
        if life is not None and not reasons:
            reasons.append(reason)
            life.cancel()

    try:
        with _watched(lease, stop, max(0.0, lease.seconds_left)):
            return await work
    finally:
        # Where the engine has cancelled this life besides, it is closing, and that goes first.
        if life is not None and reasons and not life.uncancel():
            raise reasons[0] from None


async def pause(lease: Lease, seconds: float, wake: Wish | None = None) -> None:
    """Sleep, but no longer than to the deadline, or till ``wake``. Raises CancelAsked at once when a cancel comes."""
    check(lease)
    stop: asyncio.Future[type[Exception] | None] = asyncio.get_running_loop().create_future()
    timer = lease.world.clock.call_later(seconds, lambda: _settle(stop, None))
    if wake is not None:
        wake.heard_by(lambda: _settle(stop, None))
    try:
        with _watched(lease, partial(_settle, stop), lease.seconds_left):
            await stop
    finally:
        timer.cancel()
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


@contextmanager
def _watched(lease: Lease, stop: Callable[[type[Exception]], None], seconds: float) -> Generator[None]:
    """Call ``stop`` when the deadline passes or a cancel is asked. One timer; no task of its own."""
    timer = lease.world.clock.call_later(seconds, lambda: stop(DeadlinePassed))
    lease.cancelled.heard_by(lambda: stop(CancelAsked))
    try:
        yield
    finally:
        timer.cancel()
        lease.cancelled.heard_by(None)


def _settle(stop: "asyncio.Future[type[Exception] | None]", reason: type[Exception] | None) -> None:
    if not stop.done():
        stop.set_result(reason)
