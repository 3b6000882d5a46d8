"""What wire tests start from: a Souk that runs its tasks, or one whose tasks stay waiting."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.wire.chatting import Chatting, chatting_souk
from tests.wire.market import Market
from tests.wire.media import media_server
from tests.wire.serving import Souk, open_souk


@pytest.fixture
def souk_database(tmp_path: Path) -> str:
    """The address of the database; modules about what is stored replace it by ``database_url``, which is each."""
    return f"sqlite:///{tmp_path / 'souk.db'}"


@pytest.fixture
async def souk(tmp_path: Path, souk_database: str) -> AsyncIterator[Souk]:
    """Souk without an engine: a created task stays as it is."""
    async with open_souk(tmp_path, database_url=souk_database) as opened:
        yield opened


@pytest.fixture
async def running(tmp_path: Path, souk_database: str) -> AsyncIterator[Souk]:
    """Souk with its engine: created tasks run in the sandbox."""
    async with open_souk(tmp_path, database_url=souk_database, engine=True) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    """One server for all models of this process."""
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
