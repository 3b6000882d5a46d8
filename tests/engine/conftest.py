"""What the engine tests get: fake upstreams, and a house with an engine on either database."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from souk.store.database import sqlite_url
from tests.engine.running import Running, running
from tests.upstreams.kie import FakeKie

SHORT_SECONDS = 0.1
PAUSES = (
    "souk.engine.upstream.FIRST_BACKOFF",
    "souk.engine.submitting.FIRST_BACKOFF",
    "souk.engine.reviewing.FIRST_BACKOFF",
    "souk.engine.files.AWAY_SECONDS",
    "souk.engine.life.RETRY_SECONDS",
    "souk.engine.life.ROUTE_SECONDS",
    "souk.engine.life.ROUTE_RETRY_SECONDS",
)
"""How long the engine waits before it tries again what did not work."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after a pause is what these tests are about, and not how long it is."""
    for name in PAUSES:
        monkeypatch.setattr(name, SHORT_SECONDS)


@pytest.fixture
def upstream() -> Iterator[FakeKie]:
    with FakeKie() as kie:
        yield kie


@pytest.fixture
def second_upstream() -> Iterator[FakeKie]:
    with FakeKie() as kie:
        yield kie


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: Path) -> str:
    """The address of a database, for what knows nothing of its kind."""
    shutil.copyfile(sqlite_template, tmp_path / "souk.db")
    return sqlite_url(tmp_path / "souk.db")


@pytest.fixture
async def souk(tmp_path: Path, migrated_url: str, upstream: FakeKie) -> AsyncIterator[Running]:
    """A house with one connection; unclear submits are looked up for a second only."""
    async with running(tmp_path, migrated_url, upstream, review_seconds=1) as house:
        yield house
