"""What wire tests start from: a Souk that runs its tasks, or one whose tasks stay waiting.

With ``FLEET=N`` in the environment every Souk keeps its tasks in PostgreSQL and its files at an S3 service, and the
shared market is run by N servers and N engines of which one each is killed every five seconds.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from tests.faults.fleet import fleet, patient
from tests.objectstore import ObjectStore, running_rclone, settings_of
from tests.postgres import fresh_database
from tests.wire.chatting import Chatting, chatting_souk
from tests.wire.market import Market
from tests.wire.media import media_server
from tests.wire.serving import KEY, Client, Souk, open_souk

FLEET = int(os.environ.get("FLEET", "0"))
KILL_EVERY_SECONDS = 5.0


@pytest.fixture(scope="session")
def fleet_store() -> Iterator[ObjectStore | None]:
    """The S3 service of all; None when files are kept on the disk."""
    with ExitStack() as running:
        yield running.enter_context(running_rclone()) if FLEET else None


@pytest.fixture
def souk_database(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of the database; modules about what is stored replace it by ``database_url``, which is each."""
    return request.getfixturevalue("postgres_url") if FLEET else f"sqlite:///{tmp_path / 'souk.db'}"


@pytest.fixture
def souk_files(fleet_store: ObjectStore | None) -> dict[str, Any]:
    """Settings that say where files are kept."""
    return settings_of(fleet_store.bucket()) if fleet_store else {}


@pytest.fixture
async def souk(tmp_path: Path, souk_database: str, souk_files: dict[str, Any]) -> AsyncIterator[Souk]:
    """Souk without an engine: a created task stays as it is."""
    async with open_souk(tmp_path, database_url=souk_database, **souk_files) as opened:
        yield opened


@pytest.fixture
async def running(tmp_path: Path, souk_database: str, souk_files: dict[str, Any]) -> AsyncIterator[Souk]:
    """Souk with its engine: created tasks run in the sandbox."""
    async with open_souk(tmp_path, database_url=souk_database, engine=True, **souk_files) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def market(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Market]:
    """One server for all models of this process, or one fleet."""
    folder = tmp_path_factory.mktemp("market")
    (folder / "media").mkdir()
    with media_server(folder / "media") as media:
        if FLEET:
            server, store = (request.getfixturevalue(name) for name in ("postgres_server", "fleet_store"))
            with fresh_database(server, f"fleet_{uuid4().hex}") as url:
                async with fleet_market(folder / "data", url, store) as client:
                    yield Market(client, media, folder)
            return
        async with open_souk(folder / "data", engine=True, initial_credits=1_000_000) as souk:
            yield Market(souk.client, media, folder)


@asynccontextmanager
async def fleet_market(folder: Path, database_url: str, store: ObjectStore) -> AsyncIterator[Client]:
    """A client of a fleet whose members die by turns."""
    settings = {
        "database_url": database_url,
        "api_key": KEY,
        "secret_key": uuid4().hex,
        "initial_credits": "1000000",
        "network_policy": "open",
        "rate_creates": "0",
        **settings_of(store.bucket()),
    }
    env = {f"SOUK_{name.upper()}": value for name, value in settings.items()}
    async with (
        fleet(folder, env, size=FLEET, every=KILL_EVERY_SECONDS) as ships,
        aiohttp.ClientSession(middlewares=[patient]) as session,
    ):
        yield Client(session, ships.url)


@pytest.fixture(scope="session")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatting]:
    """One server for all chats with blocking clients, in the sandbox."""
    with chatting_souk(tmp_path_factory.mktemp("chatting")) as opened:
        yield opened
