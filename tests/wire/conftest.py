"""What wire tests start from: a Souk that runs its tasks, or one whose tasks stay waiting.

With ``FLEET=N`` in the environment each is a fleet whose members are killed, as ``tests/wire/harbour.py`` tells.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from souk.store.database import sqlite_url
from tests.objectstore import running_rclone
from tests.wire import serving
from tests.wire.chatting import Chatting, chatting_souk
from tests.wire.harbour import FLEET, Harbour
from tests.wire.market import Market
from tests.wire.media import media_server
from tests.wire.serving import Souk, open_souk


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "alone(reason, on_disk=False): no fleet stands in for the Souk of this test, nor PostgreSQL and S3 for a disk",
    )


@pytest.fixture(scope="session", autouse=True)
def harbour(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Harbour | None]:
    """What gives fleets to whoever opens a Souk; None when each has a process of its own."""
    with ExitStack() as stack:
        if FLEET:
            folder, postgres = tmp_path_factory.mktemp("harbour"), request.getfixturevalue("postgres_server")
            serving.harbour = Harbour(folder, postgres, stack.enter_context(running_rclone()), stack)
        yield serving.harbour
        serving.harbour = None


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, harbour: Harbour | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps a test that is marked so off the fleets."""
    mark = request.node.get_closest_marker("alone")
    if harbour is not None and mark is not None:
        if mark.kwargs.get("on_disk"):
            monkeypatch.setattr(serving, "harbour", None)
        else:
            monkeypatch.setattr(harbour, "open", False)


@pytest.fixture
def souk_database(tmp_path: Path) -> str:
    """The address of the database; modules about what is stored replace it by ``database_url``, which is each."""
    return "" if FLEET else f"sqlite:///{tmp_path / 'souk.db'}"


@pytest.fixture
def souk_settings(alone: None, souk_database: str, tmp_path: Path) -> dict[str, Any]:
    """Where a Souk keeps what it stores. A fleet has a PostgreSQL of its own."""
    if serving.harbour is None:
        return {"database_url": souk_database or sqlite_url(tmp_path / "souk.db")}
    return {"database_url": souk_database} if souk_database.startswith("sqlite") else {}


@pytest.fixture
async def souk(alone: None, tmp_path: Path, souk_settings: dict[str, Any]) -> AsyncIterator[Souk]:
    """Souk without an engine: a created task stays as it is."""
    async with open_souk(tmp_path, **souk_settings) as opened:
        yield opened


@pytest.fixture
async def running(alone: None, tmp_path: Path, souk_settings: dict[str, Any]) -> AsyncIterator[Souk]:
    """Souk with its engine: created tasks run in the sandbox."""
    async with open_souk(tmp_path, engine=True, **souk_settings) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def market(tmp_path_factory: pytest.TempPathFactory, harbour: Harbour | None) -> AsyncIterator[Market]:
    """One server for all models of this process, or one fleet."""
    folder = tmp_path_factory.mktemp("market")
    (folder / "media").mkdir()
    with media_server(folder / "media") as media:
        async with open_souk(folder / "data", engine=True, initial_credits=1_000_000) as souk:
            yield Market(souk.client, media, folder)


@pytest.fixture(scope="session")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatting]:
    """One server for all chats with blocking clients, in the sandbox."""
    with chatting_souk(tmp_path_factory.mktemp("chatting")) as opened:
        yield opened
