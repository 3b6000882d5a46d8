"""How far each step of a long clean-up goes: as far as takes a moment, with a rest after it that is longer."""

from collections.abc import Awaitable
from typing import TypeVar

from souk.clock import Clock

T = TypeVar("T")

STEP_SECONDS = 0.005
"""What a step is to take, the wait for its turn included. Whoever writes at that moment waits for it."""
REST_SHARE = 4
"""A rest is so many times as long as the step before it, so that four fifths of the time are the traffic's."""
LONGEST_REST_SECONDS = 0.2


class Stride:
    """The size of the next step, made larger where steps are quick and smaller where they are slow."""

    def __init__(self, clock: Clock, *, least: int = 25, most: int = 500) -> None:
        self._clock = clock
        self._least = least
        self._most = most
        self.size = least
        """How much the next step should take on."""

    async def go(self, step: Awaitable[T]) -> T:
        """Wait for a step of this size, then rest."""
        started = self._clock.monotonic()
        answer = await step
        took = self._clock.monotonic() - started
        if took > STEP_SECONDS:
            self.size = max(self._least, self.size // 2)
        elif took < STEP_SECONDS / 2:
            self.size = min(self._most, self.size + self.size // 4 + 1)
        if took > 0:
            await self._clock.sleep(min(LONGEST_REST_SECONDS, took * REST_SHARE))
        return answer
