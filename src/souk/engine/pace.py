"""When to poll: often near the time a model usually takes, seldom before and long after; and never past a rate."""

from collections import deque

from souk.clock import Clock
from souk.engine.slots import Slots

REMEMBERED = 32
FEWEST = 8
"""Tasks to have seen before their durations tell how far apart they lie."""
STEP_SHARE = 0.04
"""While a task may end any moment, polls are never further apart than this share of the time it has taken."""
LATE_SHARE = 0.2
"""Nor, past the usual time, than this share of its delay: it is asked about ever more seldom."""
EARLIER_SHARE = 0.2
"""A task that is done at the first look may have been for long: the next is looked at by so much sooner."""
MIN_STEP = 0.002
MAX_STEP = 10.0
LATE_MEMORY = 0.1
"""How much one delay of ours weighs in what is remembered of them."""
LATE_FACTOR = 2.0
"""A process that comes late by so much anyhow looks that many times as much later, and as far apart."""
UNKNOWN_FIRST = 1.0
LOOK_SECONDS = 1.0
"""A rate may change while a turn is waited for: how often that is looked for."""


class Pace:
    """Learns when tasks of one model end on one connection, and how far apart their ends lie.

    What is remembered of a task is the middle between the last look that found it running and the look that found it
    done. The moment of the second alone would hold our own delay, and the next task would be looked at as late.
    """

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=REMEMBERED)
        self._usual = 0.0
        self._first = 0.0
        self._step = 0.0
        self._late = 0.0

    def came(self, late: float) -> None:
        """A look came so many seconds after it was due, for all else there was to do."""
        self._late += (late - self._late) * LATE_MEMORY

    def learn(self, running: float, done: float) -> None:
        """A task was seen running and then done, so many seconds after acceptance; ``running`` 0 for never."""
        self._ends.append((running + done) / 2 if running else done * (1 - EARLIER_SHARE))
        ordered = sorted(self._ends)
        count = len(ordered)
        early, self._usual = ordered[count // 10], ordered[count // 2]
        self._step = self._usual * STEP_SHARE
        if count >= FEWEST:
            self._step = min(self._step, (ordered[-1 - count // 10] - early) / 4)
        self._step = max(self._step, MIN_STEP)
        self._first = early - self._step

    def next_wait(self, elapsed: float, fallback: float) -> float:
        """Seconds until the next poll, ``elapsed`` seconds after acceptance.

        ``fallback`` is the catalogue's usual duration, used until something was learnt.
        """
        if self._ends:
            usual, first, step = self._usual, self._first, self._step
        else:
            usual, step = fallback, max(fallback * STEP_SHARE, MIN_STEP)
            first = min(UNKNOWN_FIRST, step)
        busy = self._late * LATE_FACTOR
        if elapsed < first + busy:
            return max(first + busy - elapsed, MIN_STEP)
        return min(MAX_STEP, max(step, busy, min((elapsed - usual) * LATE_SHARE, elapsed * STEP_SHARE)))


class Throttle:
    """At most so many polls a second on one connection, evenly spaced; 0 = as many as there are."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self._rate = per_second
        self._processes = 1
        self._next = 0.0

    def share(self, processes: int) -> None:
        """The rate is that of so many processes together."""
        self._processes = max(1, processes)

    def resize(self, per_second: float) -> None:
        """This is the rate from now on. Turns given out stay; the next one is as many turns away as before."""
        now, gap = self._clock.monotonic(), self._gap
        self._rate = per_second
        if gap and self._next > now:
            self._next = now + (self._next - now) * self._gap / gap

    @property
    def _gap(self) -> float:
        return self._processes / self._rate if self._rate else 0.0

    def turn(self) -> float:
        """Take the next turn; in how many seconds that is."""
        now = self._clock.monotonic()
        mine = max(now, self._next)
        self._next = mine + self._gap
        return mine - now


class Turns:
    """At most so many submits a minute on one connection; accounts take turns. 0 = as many as there are."""

    def __init__(self, clock: Clock, per_minute: float) -> None:
        self._clock = clock
        self._rate = per_minute
        self._processes = 1
        self._last = float("-inf")
        self._one = Slots(1)

    @property
    def endless(self) -> bool:
        """Whether nobody ever waits."""
        return not self._rate

    def share(self, processes: int) -> None:
        """The rate is that of so many processes together."""
        self._processes = max(1, processes)

    def resize(self, per_minute: float) -> None:
        """This is the rate from now on, also for whoever's turn is next."""
        self._rate = per_minute

    @property
    def _gap(self) -> float:
        return 60.0 * self._processes / self._rate if self._rate else 0.0

    async def turn(self, account_id: int) -> None:
        """Return when it is this account's turn. Whoever gives up while waiting uses up nothing."""
        if self.endless:
            return
        await self._one.acquire(account_id)
        try:
            while (wait := self._last + self._gap - self._clock.monotonic()) > 0:
                await self._clock.sleep(min(wait, LOOK_SECONDS))
            self._last = self._clock.monotonic()
        finally:
            self._one.release()
