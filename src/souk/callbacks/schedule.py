"""When a callback that failed is tried again: soon at first, then ever more rarely, for three days."""

from typing import Protocol

from souk.words import Millis

_SECOND, _MINUTE, _HOUR = 1, 60, 3600
DELAYS = (
    *(5 * _SECOND, 30 * _SECOND, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(1 * _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
"""Seconds from each failed try to the next: a little under three days in all."""
JITTER = 0.1
"""Each delay is up to this share shorter or longer, so that what failed together does not return together."""


class Uniform(Protocol):
    """The part of :class:`random.Random` that spreads tries."""

    def uniform(self, a: float, b: float, /) -> float: ...


def next_try(tries: int, now: Millis, random: Uniform, wait: float | None = None) -> Millis | None:
    """When to try again after ``tries`` failed ones; None when that was the last.

    ``wait`` is how many seconds the receiver asked for; it may make the delay longer, up to the longest one.
    """
    if tries > len(DELAYS):
        return None
    seconds = DELAYS[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    if wait is not None:
        seconds = max(seconds, min(wait, DELAYS[-1]))
    return Millis(now + round(seconds * 1000))
