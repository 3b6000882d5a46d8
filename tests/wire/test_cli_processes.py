"""Several processes of one installation: workers of a server, and an engine beside it."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql

from tests.wire.souk_process import MODEL, SOUK, START_SECONDS, code_of, environment, made_key, serving, souk


def test_workers_share_the_port_and_one_scrape_that_misses_a_hung_one_and_a_dead_one_is_replaced(
    tmp_path: Path, postgres_url: str
) -> None:
    with serving(tmp_path, "--workers", "2", SOUK_DATABASE_URL=postgres_url) as served:
        key = made_key(served)
        before = _workers(served.process.pid)
        assert len(before) == 2
        shown = _started(served.url)
        assert shown.keys() == {"0", "1", "parent"}
        with _hung(before[0]):
            ups = re.findall(r'souk_worker_up\{worker="\d"\} (\d)', _first_page(served.url))
        assert sorted(ups) == ["0", "1"]
        os.kill(before[0], signal.SIGKILL)
        assert code_of(served, key) == 200
        deadline = time.monotonic() + START_SECONDS
        while len(set(_workers(served.process.pid)) - {before[0]}) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        while len(now := _started(served.url)) < len(shown):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert sum(now[worker] > shown[worker] for worker in ("0", "1")) == 1
        assert now["parent"] == shown["parent"]
        assert served.stop() == 0
    assert not [pid for pid in before if _alive(pid)]


@contextmanager
def _hung(pid: int) -> Generator[None]:
    """Meanwhile a process does nothing at all."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _first_page(url: str) -> str:
    """The metrics as the first of several workers shows them that each got a scrape."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with ExitStack() as open_ones:
        scrapes = [
            open_ones.enter_context(socket.create_connection((host, int(port)), timeout=START_SECONDS))
            for _ in range(4)
        ]
        for scrape in scrapes:
            scrape.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answered = select.select(scrapes, [], [], START_SECONDS)[0][0]
        with answered.makefile("rb") as page:
            return page.read().decode()


def _started(url: str) -> dict[str, float]:
    """When each process that one scrape shows was started."""
    families = text_string_to_metric_families(_asked(f"{url}/metrics")[1])
    (family,) = [family for family in families if family.name == "process_start_time_seconds"]
    return {sample.labels["worker"]: sample.value for sample in family.samples}


def test_workers_share_clients_that_come_at_once(tmp_path: Path, postgres_url: str) -> None:
    with (
        serving(tmp_path, "--workers", "2", SOUK_DATABASE_URL=postgres_url) as served,
        ExitStack() as open_ones,
    ):
        port = int(served.url.rpartition(":")[2])
        clients = [open_ones.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(32)]
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: souk\r\n\r\n")
        for client in clients:
            client.settimeout(START_SECONDS)
            assert client.recv(12) == b"HTTP/1.1 200"
        assert [_clients(pid, port) for pid in _workers(served.process.pid)] == [16, 16]
        assert _clients(served.process.pid, port) == 0


def test_json_log_makes_every_line_of_both_streams_json(tmp_path: Path, postgres_url: str) -> None:
    """As a collector reads them, which merges the two."""
    with _speaking_json(tmp_path, postgres_url, "serve", "--port", "0", "--workers", "2") as (process, lines):
        try:
            serving = next(line for line in lines if line["event"] == "serving")
            os.kill(_workers(process.pid)[0], signal.SIGKILL)
            ended = next(line for line in lines if line["event"] == "worker ended")
        finally:
            process.terminate()
        for line in [serving, ended, *lines]:
            assert {"at", "level", "room", "event"} <= line.keys()
    assert re.fullmatch(r"sk-souk-\w{32}", serving["api_key"])
    assert serving["url"].startswith("http://127.0.0.1:")
    assert (ended["level"], ended["exit_code"]) == ("WARNING", -signal.SIGKILL)


def test_engine_shows_how_it_does_even_without_its_database(tmp_path: Path, postgres_url: str) -> None:
    with _speaking_json(tmp_path, postgres_url, "engine", "--metrics", "127.0.0.1:0") as (engine, lines):
        try:
            running = next(line for line in lines if line["event"] == "running")
            url = running["watched_at"]
            assert _asked(f"{url}/ready")[0] == 200
            assert _asked(f"{url}/api/v1/models")[0] == 404
            _cut_off(postgres_url)
            status, page = _asked(f"{url}/metrics")
            assert (status, 'souk_ready{check="database"} 0.0' in page) == (200, True)
            assert 'souk_ready{check="engine"} 1.0' in page
            assert "souk_finishes_total" in page
            assert "souk_tasks" not in page
            assert _asked(f"{url}/health")[0] == 200
        finally:
            engine.terminate()
        assert all({"at", "level", "room", "event"} <= line.keys() for line in lines)
        assert engine.wait(timeout=60) == 0


@contextmanager
def _speaking_json(
    folder: Path, postgres_url: str, *arguments: str
) -> Generator[tuple[subprocess.Popen[str], Iterator[dict[str, Any]]]]:
    """A service over PostgreSQL whose log is JSON, and the lines of both its streams as they come."""
    with subprocess.Popen(
        [*SOUK, *arguments],
        env=environment(folder, SOUK_DATABASE_URL=postgres_url, SOUK_LOG_FORMAT="json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process, map(json.loads, process.stdout)


def _asked(url: str) -> tuple[int, str]:
    """Status and body of what is there."""
    try:
        with urllib.request.urlopen(url, timeout=START_SECONDS) as answer:  # noqa: S310 - a process of this test
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, ""


def _cut_off(postgres_url: str) -> None:
    """Let nobody into a database any more, nor anybody stay."""
    server, _, name = postgres_url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


def _clients(pid: int, port: int) -> int:
    """How many connections to the port a process has open."""
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = "01"
    ours = {
        f"socket:[{row[9]}]" for row in fields if row[1].endswith(f":{port:04X}") and row[3] == established
    }
    return sum(str(each.readlink()) in ours for each in Path(f"/proc/{pid}/fd").iterdir())


def _workers(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_engine_of_its_own_runs_what_a_server_without_one_takes(tmp_path: Path, postgres_url: str) -> None:
    settings = {"SOUK_DATABASE_URL": postgres_url}
    with serving(tmp_path, "--no-engine", **settings) as served:
        assert "souk engine" in served.said
        answer = souk(tmp_path, "run", MODEL, "prompt=a cat", **settings)
        assert answer.returncode == 3
        with subprocess.Popen(
            [*SOUK, "engine"],
            env=environment(tmp_path, PYTHONUNBUFFERED="", **settings),  # as under systemd
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as engine:
            assert engine.stdout is not None
            assert "runs tasks" in engine.stdout.readline()
            answer = souk(tmp_path, "run", MODEL, "prompt=a cat", "-o", "cat.png", **settings)
            assert answer.returncode == 0, answer.stderr
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(timeout=30) == 0
