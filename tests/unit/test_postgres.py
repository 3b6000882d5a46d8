"""The tests' own PostgreSQL: a database per test, a killed server comes back, nothing outlives its users."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import ROOT
from tests.postgres import fresh_database, running_cluster


def test_postgres_database_starts_empty(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_database_copies_its_template(postgres_server: str) -> None:
    with fresh_database(postgres_server, f"template_{os.getpid()}") as template:
        with psycopg.connect(template) as connection:
            connection.execute("CREATE TABLE mark (id int)")
        name = template.rpartition("/")[2]
        with (
            fresh_database(postgres_server, f"copy_{os.getpid()}", name) as copy,
            psycopg.connect(copy) as connection,
        ):
            assert connection.execute("SELECT count(*) FROM mark").fetchone() == (0,)


def test_database_url_names_both_kinds(database_url: str, request: pytest.FixtureRequest) -> None:
    assert database_url.startswith(request.node.callspec.id)


def test_killed_server_starts_again_with_its_data_on_the_same_port() -> None:
    with running_cluster(durable=True) as cluster:
        with psycopg.connect(cluster.url()) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        port = cluster.port
        cluster.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(cluster.url())
        cluster.start()
        assert cluster.port == port
        with psycopg.connect(cluster.url()) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_shared_server_leaves_when_its_only_user_is_killed(tmp_path: Path, ending: signal.Signals) -> None:
    program = """
import sys, time
from pathlib import Path
from tests.postgres import shared_cluster
with shared_cluster(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        url = user.stdout.readline().strip()
        psycopg.connect(url).close()
        user.send_signal(ending)
    assert _goes_away(url)


def _goes_away(url: str) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return True
        time.sleep(0.05)
    return False
