"""How many chat requests an account may make: counted in this process, over the same window as creates."""

from collections import deque

from souk.clock import Clock
from souk.operations.types import Caller, Reason, Refusal

WINDOW_SECONDS = 10.0
MOST_ACCOUNTS = 10_000
"""Accounts remembered at once; past it those at rest are forgotten."""


class Rate:
    """A sliding window for each account."""

    def __init__(self, clock: Clock, most: int) -> None:
        """``most`` requests in ten seconds; 0 is no limit."""
        self._clock = clock
        self._most = most
        self._seen: dict[int, deque[float]] = {}

    def count(self, caller: Caller) -> None:
        """Count a request. Raises Refusal, saying when the next is welcome."""
        if not self._most:
            return
        now = self._clock.monotonic()
        seen = self._seen.get(caller.account_id)
        if seen is None:
            seen = self._remember(caller.account_id, now)
        while seen and seen[0] <= now - WINDOW_SECONDS:
            seen.popleft()
        if len(seen) >= self._most:
            raise Refusal(
                Reason.RATE_LIMITED,
                f"more than {self._most} chat requests in {WINDOW_SECONDS:g} seconds; try again later",
                retry_after=seen[0] + WINDOW_SECONDS - now,
            )
        seen.append(now)

    def _remember(self, account: int, now: float) -> deque[float]:
        if len(self._seen) >= MOST_ACCOUNTS:
            self._seen = {
                other: seen for other, seen in self._seen.items() if seen and seen[-1] > now - WINDOW_SECONDS
            }
        return self._seen.setdefault(account, deque())
