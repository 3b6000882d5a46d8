"""What every test gets: a clean environment, a closed network, and databases of its own."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.network import close_network
from tests.postgres import fresh_database, shared_cluster

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
    close_network()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the session's PostgreSQL, shared by all workers and started by the first that asks."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with shared_cluster(folder) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database of the test's own."""
    with fresh_database(postgres_server, f"test_{uuid4().hex}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of the test's own; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'souk.db'}"
    return request.getfixturevalue("postgres_url")
