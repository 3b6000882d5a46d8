"""The gate before a connection's submits: as many side by side as the upstream has been seen to bear.

It stands open until the upstream says it is asked too often. Then nobody asks until the time it named, and from
then on half as many at once; every few that are taken let one more in. Accounts take turns.
"""

from souk.clock import Clock
from souk.engine.slots import Slots

LONGEST_SHUT = 300.0
"""Seconds. A longer time is not waited for: the upstream may have let go before, and asking costs nothing."""
LONGEST_GUESS = 30.0
"""Seconds. An upstream that refuses again and again is asked ever more seldom, but at least this often."""


class Gate:
    """What all tasks of this process know of one connection's patience."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inside = Slots(0)
        self._width = 0
        """How many may be inside at once; 0 = no limit known."""
        self._taken = 0
        """Since the gate was last made wider or narrower."""
        self._refusals = 0
        """In a row, not counting those that were on their way when the gate shut."""
        self._opens_at = float("-inf")

    @property
    def shut_for(self) -> float:
        """Seconds until the upstream may be asked again; 0 = now."""
        return max(0.0, self._opens_at - self._clock.monotonic())

    def entered_at_once(self) -> bool:
        """Enter if nobody needs to wait. Whoever entered must leave."""
        return not self.shut_for and self._inside.taken_at_once()

    async def enter(self, account_id: int) -> None:
        """Wait until it is this account's turn and the gate is open. Whoever entered must leave."""
        await self._inside.acquire(account_id)
        try:
            while seconds := self.shut_for:
                await self._clock.sleep(seconds)
        except BaseException:
            self._inside.release()
            raise

    def leave(self) -> None:
        self._inside.release()

    def taken(self) -> None:
        """The upstream took a task."""
        self._refusals = 0
        self._taken += 1
        if self._width and self._taken >= self._width:
            self._resize(self._width + 1)

    def too_often(self, retry_after: float | None) -> None:
        """The upstream refused a task because it is asked too often; it may have said when to come again."""
        if not self.shut_for:
            self._refusals += 1
            self._resize(max(1, (self._width or self._inside.used) // 2))
        guess = min(LONGEST_GUESS, 2.0 ** min(self._refusals - 1, 10))
        seconds = min(LONGEST_SHUT, max(guess, retry_after or 0.0))
        self._opens_at = max(self._opens_at, self._clock.monotonic() + seconds)

    def _resize(self, width: int) -> None:
        self._width, self._taken = width, 0
        self._inside.resize(width)
