"""Ids' random numbers: as wide as asked for, and none of them twice, whichever thread draws it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from souk.ids import Chance


@pytest.mark.parametrize("bits", [1, 74, 127, 128, 129, 256])
def test_numbers_fill_the_width_asked_for_and_no_more(bits: int) -> None:
    chance = Chance()
    drawn = [chance.getrandbits(bits) for _ in range(200)]
    together = 0
    for number in drawn:
        together |= number
    assert together == (1 << bits) - 1


def test_threads_never_draw_the_same_number() -> None:
    chance = Chance()

    def draw(_: int) -> list[int]:
        return [chance.getrandbits(128) for _ in range(2_000)]

    with ThreadPoolExecutor(4) as threads:
        drawn = [number for row in threads.map(draw, range(8)) for number in row]
    assert len(set(drawn)) == len(drawn) == 16_000
