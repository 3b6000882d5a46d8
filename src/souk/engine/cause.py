"""Why a task failed that several routes were offered: of all that was heard on the way, what helps its owner most."""

from collections.abc import Iterable
from typing import Final

from souk.engine.failure import Failure
from souk.words import FailKind

WISHES: Final = frozenset({FailKind.UNSUPPORTED, FailKind.RETIRED})
"""Kinds of a route that does not do what is wished. Time does not change that, and it says nothing of the others."""


def is_of_wish(failure: Failure) -> bool:
    """Whether a route only does not do what was wished, so that it need not be asked for it again."""
    return failure.kind in WISHES and not failure.shut


def most_useful(failures: Iterable[Failure | None]) -> Failure | None:
    """The reason to give, of failures in the order they were heard of; None if there are none.

    What became of a try comes before a wish that an upstream refused in its own words, and that before a wish it was
    not even asked for: a route that cannot do it would hide why the one that can did not. Among equals the last counts.
    """
    return min(reversed([each for each in failures if each]), key=_remoteness, default=None)


def _remoteness(failure: Failure) -> int:
    if not is_of_wish(failure):
        return 0
    return 1 if failure.upstream else 2
