"""Which worker runs which tests, and in what order: what shares a fixture stays together, what takes longest begins.

A file with fixtures of module scope is run whole by one worker, which so sets them up once. (``--dist loadgroup`` with
its marks would say the same, but pytest-xdist 3.8 loses them under pytest 9.2, without a word.)
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED = 'scope="module"'
LONGEST_FIRST = (
    "tests/faults/test_many_processes.py",
    "tests/faults/test_troubles.py",
    "tests/faults/test_",
    "tests/wire/test_conformance.py",
    "tests/unit/test_docs.py",
    "tests/unit/test_deploy.py",
    "tests/property/",
    "tests/wire/",
    "tests/providers/",
    "tests/engine/",
)
"""Where the tests are that take longest: no worker is left with one of them when the others are done."""


class ByFixtures(LoadScopeScheduling):
    """Hands out single tests, and whole files where their tests share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        """The unit that a test is handed out with. What has most tests goes first."""
        return unit(nodeid, self.config.rootpath)


def unit(nodeid: str, root: Path) -> str:
    """A test's file, where its tests share fixtures, or the test itself."""
    file = nodeid.partition("::")[0]
    return file if _shares_fixtures(root / file) else nodeid


@cache
def _shares_fixtures(file: Path) -> bool:
    return SHARED in file.read_text()


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order they are handed out; those of a file stay together."""
    return sorted(items, key=lambda item: _turn(item.nodeid))


def _turn(nodeid: str) -> int:
    turns = (turn for turn, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start))
    return next(turns, len(LONGEST_FIRST))
