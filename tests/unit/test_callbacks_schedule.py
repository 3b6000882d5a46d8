"""When a failed callback is tried again."""

from random import Random

from souk.callbacks.schedule import DELAYS, JITTER, next_try
from souk.words import Millis

NOW = Millis(1_772_100_021_000)
DAY = 86_400


class Even:
    """A source that never strays from the middle."""

    def uniform(self, a: float, b: float, /) -> float:
        return (a + b) / 2


def test_tries_span_three_days() -> None:
    assert 2.9 * DAY < sum(DELAYS) <= 3 * DAY


def test_each_wait_is_longer_than_the_one_before() -> None:
    assert list(DELAYS) == sorted(set(DELAYS))


def test_the_first_retry_comes_after_seconds() -> None:
    assert next_try(1, NOW, Even()) == NOW + 5_000


def test_after_the_last_try_there_is_none() -> None:
    assert next_try(len(DELAYS), NOW, Even()) == NOW + DELAYS[-1] * 1000
    assert next_try(len(DELAYS) + 1, NOW, Even()) is None


def test_delays_are_spread_but_little() -> None:
    random = Random(7)
    waits = {(next_try(4, NOW, random) or NOW) - NOW for _ in range(200)}
    assert len(waits) > 100
    assert DELAYS[3] * 1000 * (1 - JITTER) <= min(waits) <= max(waits) <= DELAYS[3] * 1000 * (1 + JITTER)


def test_a_receiver_may_ask_for_more_time_but_not_for_ever() -> None:
    assert next_try(1, NOW, Even(), wait=90) == NOW + 90_000
    assert next_try(5, NOW, Even(), wait=1) == NOW + DELAYS[4] * 1000
    assert next_try(1, NOW, Even(), wait=10**9) == NOW + DAY * 1000
