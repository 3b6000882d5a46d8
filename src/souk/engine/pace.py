"""When to poll: often near the time a model usually takes, seldom before and long after; and never past a rate."""

from collections import deque

from souk.clock import Clock
from souk.engine.slots import Slots

REMEMBERED = 64
FIRST_SHARE = 0.9
"""The first poll comes this share of the usual time after acceptance, counted from the quickest quarter."""
STEP_SHARE = 0.04
"""Later polls are this share of the usual time apart, growing the longer it takes."""
MIN_STEP = 0.02
MAX_STEP = 10.0
UNKNOWN_FIRST = 1.0


class Pace:
    """Learns how long tasks of one model take on one connection."""

    def __init__(self) -> None:
        self._durations: deque[float] = deque(maxlen=REMEMBERED)
        self._usual: float | None = None

    def learn(self, seconds: float) -> None:
        """A task took this long from acceptance to verdict."""
        self._durations.append(seconds)
        ordered = sorted(self._durations)
        self._usual = ordered[len(ordered) // 4]

    def next_wait(self, elapsed: float, fallback: float) -> float:
        """Seconds until the next poll, ``elapsed`` seconds after acceptance.

        ``fallback`` is the catalogue's usual duration, used until something was learnt.
        """
        if self._usual is None:
            usual = max(fallback, MIN_STEP)
            first = min(UNKNOWN_FIRST, usual * STEP_SHARE)
        else:
            usual = max(self._usual, MIN_STEP)
            first = usual * FIRST_SHARE
        if elapsed < first:
            return max(first - elapsed, MIN_STEP)
        late = max(0.0, elapsed - usual)
        return min(MAX_STEP, max(MIN_STEP, usual * STEP_SHARE, late * 0.2))


class Throttle:
    """At most so many polls a second on one connection, evenly spaced; 0 = as many as there are."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self._whole_gap = 1.0 / per_second if per_second else 0.0
        self._gap = self._whole_gap
        self._next = 0.0

    def share(self, processes: int) -> None:
        """The rate is that of so many processes together."""
        self._gap = self._whole_gap * max(1, processes)

    async def turn(self) -> None:
        """Return when it is this caller's turn."""
        now = self._clock.monotonic()
        mine = max(now, self._next)
        self._next = mine + self._gap
        if mine > now:
            await self._clock.sleep(mine - now)


class Turns:
    """At most so many submits a minute on one connection; accounts take turns. 0 = as many as there are."""

    def __init__(self, clock: Clock, per_minute: float) -> None:
        self._clock = clock
        self._whole_gap = 60.0 / per_minute if per_minute else 0.0
        self._gap = self._whole_gap
        self._next = 0.0
        self._one = Slots(1)

    @property
    def endless(self) -> bool:
        """Whether nobody ever waits."""
        return not self._gap

    def share(self, processes: int) -> None:
        """The rate is that of so many processes together."""
        self._gap = self._whole_gap * max(1, processes)

    async def turn(self, account_id: int) -> None:
        """Return when it is this account's turn. Whoever gives up while waiting uses up nothing."""
        if not self._gap:
            return
        await self._one.acquire(account_id)
        try:
            wait = self._next - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            self._next = self._clock.monotonic() + self._gap
        finally:
            self._one.release()
