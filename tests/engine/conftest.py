"""What the engine tests get: fake upstreams, and a house with an engine on either database."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.engine.running import Running, running
from tests.upstreams.kie import FakeKie


@pytest.fixture
def upstream() -> Iterator[FakeKie]:
    with FakeKie() as kie:
        yield kie


@pytest.fixture
def second_upstream() -> Iterator[FakeKie]:
    with FakeKie() as kie:
        yield kie


@pytest.fixture
async def souk(tmp_path: Path, migrated_url: str, upstream: FakeKie) -> AsyncIterator[Running]:
    """A house with one connection; unclear submits are looked up for a second only."""
    async with running(tmp_path, migrated_url, upstream, review_seconds=1) as house:
        yield house
