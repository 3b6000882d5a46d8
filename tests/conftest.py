"""What every test gets: a clean environment, a closed network, and databases of its own."""

import os
import pickle
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from souk.catalog import load
from souk.store.database import Database, sqlite_url
from souk.store.migrate import migrate
from tests.network import close_network
from tests.objectstore import ObjectStore, running_moto, running_rclone
from tests.postgres import fresh_database, shared_cluster
from tests.schedule import ByFixtures, longest_first

ROOT = Path(__file__).parent.parent
SECRET_OR_SETTING = re.compile(r"^SOUK_|_(KEY|TOKEN|SECRET|KEY_ID)(_FILE)?$|_proxy$", re.IGNORECASE)
KEPT = {"SOUK_WIRE_SAMPLES"}
"""Where recorded exchanges lie; it only adds tests."""


def pytest_configure() -> None:
    """Before anything of Souk is imported: nobody's keys, settings or network reach a test."""
    for name in [name for name in os.environ if SECRET_OR_SETTING.search(name) and name not in KEPT]:
        del os.environ[name]
    # Child Pythons find tests/child/sitecustomize.py and what it imports.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests" / "child"), str(ROOT)])
    # A shell's background jobs, and all they start, are born deaf to interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    close_network()
    read_the_catalogue_once()


def read_the_catalogue_once() -> None:
    """Each of the many houses of a test run reads the same files, and most of its start is the parsing of them."""
    read, kept = load._read_file, dict[Path, bytes]()

    def read_once(path: Path) -> Iterator[dict[str, Any]]:
        if path.parent != load.PACKAGED:
            return read(path)
        if path not in kept:
            kept[path] = pickle.dumps(list(read(path)))
        return iter(pickle.loads(kept[path]))  # noqa: S301 - written a line above

    load._read_file = read_once


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFixtures:
    return ByFixtures(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the session's PostgreSQL, shared by all workers and started by the first that asks."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with shared_cluster(folder) as url:
        yield url


@pytest.fixture(scope="session")
def rclone() -> Iterator[ObjectStore]:
    """An S3-compatible service that checks signatures; one for each worker that asks."""
    with running_rclone() as store:
        yield store


@pytest.fixture(scope="session")
def moto() -> Iterator[ObjectStore]:
    """An S3-compatible service that knows puts under a condition; one for each worker that asks."""
    with running_moto() as store:
        yield store


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database of the test's own."""
    with fresh_database(postgres_server, f"test_{uuid4().hex}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of the test's own; the test runs once on each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "souk.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Like ``database_url``, but with Souk's tables, copied from a template."""
    if request.param == "postgresql":
        return request.getfixturevalue("migrated_postgres_url")
    shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "souk.db")
    return sqlite_url(tmp_path / "souk.db")


@pytest.fixture
def migrated_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """The address of a PostgreSQL database of the test's own, with Souk's tables."""
    with fresh_database(postgres_server, f"test_{uuid4().hex}", postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "souk.db"
    migrate(Database(sqlite_url(path)))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database to copy."""
    name = f"template_{uuid4().hex}"
    with fresh_database(postgres_server, name) as url:
        migrate(Database(url))
        yield name
