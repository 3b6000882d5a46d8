"""When tasks are looked at: what the pace learns from regular, uneven and changing upstreams."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from souk.engine.pace import MAX_STEP, MIN_STEP, STEP_SHARE, Pace

USUAL = 20.0
"""What the catalogue says."""


def polled(pace: Pace, ends: float, late: float = 0.0) -> list[float]:
    """The moments at which a task is looked at that ends so long after acceptance; the pace learns from it.

    Each look comes so ``late``, as in a process that has much else to do.
    """
    looks, due, elapsed = list[float](), 0.0, 0.0
    while not looks or looks[-1] < ends:
        due = elapsed + pace.next_wait(elapsed, USUAL)
        elapsed = due + late
        pace.came(late)
        looks.append(elapsed)
    pace.learn(looks[-2] if len(looks) > 1 else 0.0, due)
    return looks


def settled(ends: Callable[[], float], tasks: int = 200, late: float = 0.0) -> Pace:
    pace = Pace()
    for _ in range(tasks):
        polled(pace, ends(), late)
    return pace


@pytest.mark.parametrize("seconds", [0.5, 12.0, 300.0])
def test_regular_upstream_is_asked_a_few_times_and_just_in_time(seconds: float) -> None:
    pace = settled(lambda: seconds)
    looks = [polled(pace, seconds) for _ in range(50)]
    assert max(looked[-1] for looked in looks) - seconds <= max(2 * MIN_STEP, seconds * STEP_SHARE)
    assert sum(map(len, looks)) / len(looks) <= 4


def test_uneven_upstream_is_asked_within_a_few_percent_of_its_end() -> None:
    chance = random.Random(7)
    pace = settled(lambda: chance.uniform(15.0, 30.0))
    late, asked = 0.0, 0
    for _ in range(200):
        ends = chance.uniform(15.0, 30.0)
        looks = polled(pace, ends)
        late += looks[-1] - ends
        asked += len(looks)
    assert late / 200 <= 0.04 * 20
    assert asked / 200 <= 20


def test_busy_process_asks_more_seldom_and_within_a_few_of_its_own_delays() -> None:
    late, seconds = 0.1, 0.5
    idle, busy = settled(lambda: seconds), settled(lambda: seconds, late=late)
    looks = [polled(busy, seconds, late) for _ in range(50)]
    assert sum(map(len, looks)) / 50 <= 1.5 < sum(len(polled(idle, seconds)) for _ in range(50)) / 50
    assert max(looked[-1] for looked in looks) - seconds <= 5 * late


def test_process_that_was_busy_once_asks_in_time_again() -> None:
    pace = settled(lambda: 0.5, late=0.1)
    assert [polled(pace, 0.5)[-1] - 0.5 for _ in range(100)][-1] <= 0.5 * STEP_SHARE


def test_upstream_that_became_quicker_is_noticed() -> None:
    pace = settled(lambda: 60.0)
    late = [polled(pace, 6.0)[-1] - 6.0 for _ in range(60)]
    assert late[0] > 30
    assert late[-1] < 1


def test_upstream_that_became_slower_is_noticed() -> None:
    pace = settled(lambda: 6.0)
    asked = [len(polled(pace, 60.0)) for _ in range(80)]
    assert asked[-1] < asked[0]
    assert asked[-1] <= 5


def test_one_task_seen_proves_nothing_about_the_next() -> None:
    pace = Pace()
    polled(pace, 20.0)
    assert len(polled(pace, 28.0)) <= 20
    assert polled(Pace(), 20.0)[0] <= 1.0


@pytest.mark.parametrize("seconds", [25.0, 60.0, 200.0])
def test_task_of_an_unknown_model_is_found_done_within_a_twentieth_of_its_time(seconds: float) -> None:
    assert polled(Pace(), seconds)[-1] <= seconds * 1.05
    assert polled(settled(lambda: 10.0), seconds)[-1] <= seconds * 1.05


def test_overdue_task_is_asked_about_ever_more_seldom_but_never_given_up() -> None:
    pace = settled(lambda: 10.0)
    looks = polled(pace, 600.0)
    gaps = [later - sooner for sooner, later in pairwise(looks)]
    assert gaps == sorted(gaps) or max(gaps) == pytest.approx(MAX_STEP)
    assert max(gaps) <= MAX_STEP + 1e-9
    assert min(gaps) >= MIN_STEP - 1e-9
