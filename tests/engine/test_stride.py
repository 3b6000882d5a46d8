"""The steps of a long clean-up: large where writes are quick, small where they are slow, with rests for the traffic."""

from collections.abc import Sequence

from souk.clock import Timer
from souk.store import stride
from souk.store.stride import Stride
from souk.words import Millis

QUICK = stride.STEP_SECONDS / 10
SLOW = stride.STEP_SECONDS * 2


class Watch:
    """A clock that steps put forward, and that keeps what was slept."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.rests: list[float] = []

    def now(self) -> Millis:
        return Millis(int(self.seconds * 1000))

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.seconds += seconds

    def call_later(self, seconds: float, call: object) -> Timer:
        raise AssertionError("a stride sets no timers")


async def sizes(watch: Watch, took: Sequence[float]) -> list[int]:
    """The size after each of these steps."""
    paced, after = Stride(watch, least=10, most=100), list[int]()

    async def step(seconds: float) -> None:
        watch.seconds += seconds

    for seconds in took:
        await paced.go(step(seconds))
        after.append(paced.size)
    return after


async def test_steps_grow_to_their_limit_while_they_are_quick() -> None:
    grown = await sizes(Watch(), [QUICK] * 12)
    assert grown == sorted(grown)
    assert (grown[0] > 10, grown[-1]) == (True, 100)


async def test_slow_steps_shrink_but_never_to_nothing() -> None:
    assert (await sizes(Watch(), [QUICK] * 12 + [SLOW] * 9))[-1] == 10


async def test_a_rest_follows_the_step_and_has_an_end() -> None:
    watch = Watch()
    await sizes(watch, [QUICK, SLOW, 60.0])
    assert watch.rests[0] < watch.rests[1] < watch.rests[2] == stride.LONGEST_REST_SECONDS
    assert watch.rests[1] > SLOW
