"""The same job for Souk and for what people use today, in one run: speed, CPU, and what a killed worker costs."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import psycopg
import uvloop

from bench import upstream as bench_upstream
from bench.load import drive, post
from bench.peers.servers import Peer, Unavailable, celery, procrastinate, saq
from bench.servers import Server, module, souk
from bench.truth import Truth
from souk.store.database import Database
from tests.postgres import Cluster, fresh_database, running_cluster

TASKS = 2_000
WARM_UP = 200
CONNECTIONS = 32
GENERATION_SECONDS = 0.5
FLYING = 100
FLIGHT_SECONDS = 10.0
"""How long the tasks take that are in flight when the worker is killed."""
WAIT_SECONDS = 60.0
"""How long after the restart their ends are waited for, beyond the upstream's own time."""
LOOK_SECONDS = 0.1

Start = Callable[[Server, float, str], AbstractContextManager[Peer]]


class Unended(Exception):
    """Tasks that a peer took did not end in time: what it does then is a figure, too."""


def run() -> None:
    """Print a line for each, twice: running, and killed."""
    peers: dict[str, Start] = {
        "FastAPI + Celery + Redis": celery,
        "FastAPI + procrastinate": procrastinate,
        "FastAPI + SAQ + Redis": saq,
    }
    with running_cluster(durable=True) as cluster:
        for name, start in peers.items():
            try:
                _measure(name, start, cluster)
            except (Unavailable, Unended) as error:
                print(f"{name}: {error}")
        _measure_souk(cluster)


def _measure(name: str, start: Start, cluster: Cluster) -> None:
    with _started(start, GENERATION_SECONDS, cluster) as (peer, _, url):
        counted = _Rows(url)
        _create(peer.api.port, WARM_UP)
        counted.wait(WARM_UP, bench_upstream.PATIENCE_SECONDS)
        before, cpu = counted.now(), peer.cpu_seconds()
        _create(peer.api.port, TASKS)
        counted.wait(WARM_UP + TASKS, bench_upstream.PATIENCE_SECONDS)
        used = (peer.cpu_seconds() - cpu) / TASKS * 1000
        print(f"{name:<28} {TASKS / counted.seconds_since(before):>6,.0f}/s   {used:.2f} ms CPU a task")
    with _started(start, FLIGHT_SECONDS, cluster) as (peer, upstream, url):
        _create(peer.api.port, FLYING)
        _until_submitted(upstream)
        peer.kill_worker()
        peer.restart_worker()
        print(_aftermath(name, _Rows(url).ended_within(WAIT_SECONDS + FLIGHT_SECONDS), upstream))


@contextmanager
def _started(start: Start, seconds: float, cluster: Cluster) -> Generator[tuple[Peer, Server, str]]:
    """A peer, its upstream and its database."""
    with (
        _upstream(seconds) as upstream,
        _database(cluster) as url,
        start(upstream, seconds, url) as peer,
    ):
        yield peer, upstream, url


def _measure_souk(cluster: Cluster) -> None:
    with _database(cluster) as url, bench_upstream.started(url) as running:
        bench_upstream.flood(running, WARM_UP)
        print(bench_upstream.flood(running, TASKS).line("Souk, PostgreSQL"))
    with bench_upstream.started() as running:
        bench_upstream.flood(running, WARM_UP)
        print(bench_upstream.flood(running, TASKS).line("Souk, SQLite"))
    with _upstream(FLIGHT_SECONDS) as upstream, _database(cluster) as url:
        env = bench_upstream.environment(upstream, url)
        with souk(None, **env) as server:
            bench_upstream.create(server.port, FLYING)
            _until_submitted(upstream)
            os.kill(server.pid, signal.SIGKILL)
            with souk(server.folder, **env), Truth.of(Database(url)) as truth:
                deadline = time.monotonic() + WAIT_SECONDS + FLIGHT_SECONDS
                while truth.unfinished() and time.monotonic() < deadline:
                    time.sleep(LOOK_SECONDS)
                print(_aftermath("Souk, PostgreSQL", len(truth.ends("")), upstream))


def _aftermath(name: str, ended: int, upstream: Server) -> str:
    again = _submits(upstream) - FLYING
    told = f"{ended} of {FLYING} in flight ended within {WAIT_SECONDS:g} s of their time, {again} were submitted again"
    return f"{name:<28} worker killed: {told}"


def _create(port: int, count: int) -> None:
    request = post("/tasks", "none", b"{}")
    load, _ = uvloop.run(drive(port, lambda _: request, count, CONNECTIONS, b'"code":200'))
    if load.refused:
        raise RuntimeError(f"{load.refused} creates failed")


def _until_submitted(upstream: Server) -> None:
    deadline = time.monotonic() + bench_upstream.PATIENCE_SECONDS
    while _submits(upstream) < FLYING:
        if time.monotonic() > deadline:
            raise RuntimeError("the tasks were not all submitted")
        time.sleep(LOOK_SECONDS)
    time.sleep(1)  # their answers are read and written by then


def _submits(upstream: Server) -> int:
    answer = urllib.request.urlopen(f"http://127.0.0.1:{upstream.port}/counts", timeout=10).read()
    return int(json.loads(answer).get("submits", 0))


def _upstream(seconds: float) -> AbstractContextManager[Server]:
    return module("bench.upstream_server", str(seconds))


@contextmanager
def _database(cluster: Cluster) -> Generator[str]:
    with fresh_database(cluster.url("postgres"), f"peer{time.monotonic_ns()}") as url:
        yield url


@dataclass(frozen=True)
class _Rows:
    """A peer's own table."""

    url: str

    def wait(self, ended: int, seconds: float) -> None:
        """Return when so many have ended. Raises Unended when that takes longer."""
        deadline = time.monotonic() + seconds
        while (now := self._one("SELECT count(*) FROM work WHERE state = 'success'")) < ended:
            if time.monotonic() > deadline:
                raise Unended(f"of {ended} tasks {now:.0f} ended within {seconds:g} s")
            time.sleep(LOOK_SECONDS)

    def ended_within(self, seconds: float) -> int:
        """How many have ended after this long at most."""
        deadline = time.monotonic() + seconds
        while (ended := self._one("SELECT count(*) FROM work WHERE state = 'success'")) < FLYING:
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK_SECONDS)
        return int(ended)

    def now(self) -> float:
        return self._one("SELECT extract(epoch FROM clock_timestamp())::float8")

    def seconds_since(self, moment: float) -> float:
        """From the first create after a moment to the last end."""
        made = f"SELECT extract(epoch FROM max(ended_at) - min(made_at))::float8 FROM work WHERE made_at >= to_timestamp({moment})"  # noqa: E501, S608 - a number of ours
        return self._one(made)

    def _one(self, query: str) -> float:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue] - our own text
            return float(row[0]) if row else 0.0
