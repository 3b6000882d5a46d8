"""The peers as processes: Redis, an API and a worker that can be killed, in an environment of their own."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import ROOT, Server, clean_env, end, free_port, process

HOME = Path(tempfile.gettempdir()) / "souk-bench-peers"
PACKAGES = (
    *("celery[redis]", "gevent", "procrastinate", "saq[redis,hiredis]", "psycopg[binary,pool]", "requests"),
    *("aiohttp", "fastapi", "uvicorn[standard]", "uvloop"),
)
INSTALL_SECONDS = 600
WORKER_SECONDS = 15.0
"""How long a worker gets to start; no two say on their logs that they are ready in the same words."""


class Unavailable(Exception):
    """Something to compare with cannot be had here."""


@dataclass
class Peer:
    """One queue with its API and its worker."""

    name: str
    api: Server
    start_worker: Callable[[], "subprocess.Popen[bytes]"]
    worker: "subprocess.Popen[bytes]"

    def kill_worker(self) -> None:
        """kill -9, as the out-of-memory killer does it, and nobody else told."""
        self.worker.kill()
        self.worker.wait()

    def restart_worker(self) -> None:
        self.worker = self.start_worker()
        time.sleep(WORKER_SECONDS)

    def cpu_seconds(self) -> float:
        """Of API and worker, without Redis and PostgreSQL."""
        worker = Server(self.worker.pid, 0, 0.0, self.api.folder)
        return self.api.family_cpu_seconds + worker.family_cpu_seconds


@contextmanager
def celery(upstream: Server, seconds: float, database: str) -> Generator[Peer]:
    """FastAPI, Celery with a gevent pool of 500, Redis that writes its log once a second (its own advice)."""
    worker = ["-m", "celery", "-A", "bench.peers.celery_app:queue", "worker"]
    worker += ["--pool=gevent", "--concurrency=500", "--loglevel=warning"]
    with (
        _home(upstream, seconds, database) as (folder, env),
        _redis(folder) as broker,
        _peer("Celery", "bench.peers.celery_app:app", worker, env | broker, folder) as peer,
    ):
        yield peer


@contextmanager
def saq(upstream: Server, seconds: float, database: str) -> Generator[Peer]:
    """FastAPI, SAQ with 500 jobs at once, the same Redis."""
    worker = ["-m", "bench.peers.saq_app"]
    with (
        _home(upstream, seconds, database) as (folder, env),
        _redis(folder) as broker,
        _peer("SAQ", "bench.peers.saq_app:app", worker, env | broker, folder) as peer,
    ):
        yield peer


@contextmanager
def procrastinate(upstream: Server, seconds: float, database: str) -> Generator[Peer]:
    """FastAPI and procrastinate, everything in PostgreSQL."""
    worker = ["-m", "bench.peers.procrastinate_app"]
    with (
        _home(upstream, seconds, database) as (folder, env),
        _peer("procrastinate", "bench.peers.procrastinate_app:app", worker, env, folder) as peer,
    ):
        yield peer


@contextmanager
def _peer(name: str, app: str, worker: list[str], env: dict[str, str], folder: Path) -> Generator[Peer]:
    python, port = str(installed()), free_port()
    command = [python, "-m", "uvicorn", app, "--port", str(port), "--log-level", "error"]

    def start_worker() -> "subprocess.Popen[bytes]":
        with (folder / "worker.log").open("ab") as output:
            return subprocess.Popen([python, *worker], env=env, stdout=output, stderr=output)

    with process(command, env, folder / "api.log", port, "/") as (pid, took):
        peer = Peer(name, Server(pid, port, took, folder), start_worker, start_worker())
        try:
            time.sleep(WORKER_SECONDS)
            yield peer
        finally:
            end(peer.worker)


@contextmanager
def _home(upstream: Server, seconds: float, database: str) -> Generator[tuple[Path, dict[str, str]]]:
    """A folder of a peer's own, and what its processes are told."""
    with tempfile.TemporaryDirectory(prefix="souk-bench-", ignore_cleanup_errors=True) as name:
        files = Path(name) / "files"
        files.mkdir()
        told = {
            "PYTHONPATH": str(ROOT),
            "PEER_UPSTREAM": f"http://127.0.0.1:{upstream.port}",
            "PEER_DATABASE": database,
            "PEER_FILES": str(files),
            "PEER_SECONDS": str(seconds),
        }
        yield Path(name), clean_env(told)


@contextmanager
def _redis(folder: Path) -> Generator[dict[str, str]]:
    """A Redis in that folder; how its peer is told of it."""
    program = shutil.which("redis-server")
    if program is None:
        raise Unavailable("there is no redis-server here; Debian's package of that name has it")
    port = free_port()
    command = [program, "--port", str(port), "--appendonly", "yes", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield {"PEER_BROKER": f"redis://127.0.0.1:{port}/0"}
    finally:
        end(running)


def installed() -> Path:
    """The Python that has the peers, installed into an environment of its own if it has not all of them yet."""
    python, mark, wanted = HOME / "bin" / "python", HOME / "complete", " ".join(PACKAGES)
    if mark.exists() and mark.read_text() == wanted:
        return python
    steps = (
        [sys.executable, "-m", "venv", str(HOME)],
        [str(python), "-m", "pip", "install", "--quiet", *PACKAGES],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        if done.returncode:
            raise Unavailable(f"the peers cannot be installed: {done.stderr.strip()[-300:]}")
    mark.write_text(wanted)
    return python
