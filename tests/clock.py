"""A clock that tests turn by hand."""

import asyncio
from collections.abc import Callable

from souk.words import Millis


class HandClock:
    """Stands still until :meth:`advance` moves it; sleepers whose time has come then wake."""

    def __init__(self, now: int = 1_772_100_021_000) -> None:
        self._now = now
        self._start = now
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> Millis:
        return Millis(self._now)

    def monotonic(self) -> float:
        return (self._now - self._start) / 1000

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + round(seconds * 1000), woken))
        await woken

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * 1000)
        due = [woken for at, woken in self._sleepers if at <= self._now]
        self._sleepers = [(at, woken) for at, woken in self._sleepers if at > self._now]
        for woken in due:
            if not woken.done():
                woken.set_result(None)

    def call_later(self, seconds: float, call: Callable[[], None]) -> "asyncio.Future[None]":
        woken = asyncio.get_running_loop().create_future()
        woken.add_done_callback(lambda done: None if done.cancelled() else call())
        self._sleepers.append((self._now + round(seconds * 1000), woken))
        return woken
