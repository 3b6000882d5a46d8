"""Processes to measure: a Souk server in a folder of its own, and the simplest server that reads the same body."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
KEY = "bench-key-0123456789"
START_SECONDS = 60.0
LIMITS = {"SOUK_MAX_WAITING": "0", "SOUK_ACCOUNT_CONCURRENCY": "0"}
"""None: a bench measures how far the software goes, not how far it lets one account go."""

ECHO = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

async def echo(request):
    return Response(await request.body(), media_type="application/json")

uvicorn.run(Starlette(routes=[Route("/", echo, methods=["POST"])]), port=int(sys.argv[1]), log_level="error")
"""


@dataclass(frozen=True)
class Server:
    """A running server process."""

    pid: int
    port: int
    started_in: float
    """Seconds from start of the process to its first answer."""
    folder: Path

    @property
    def rss_mb(self) -> float:
        """Resident memory of the server process itself."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    @property
    def cpu_seconds(self) -> float:
        return _ticks(self.pid) / os.sysconf("SC_CLK_TCK")

    @property
    def family_cpu_seconds(self) -> float:
        """As ``cpu_seconds``, with that of its children."""
        return sum(map(_ticks, _family(self.pid))) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    """The CPU a process has used, with its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15]))


def _family(pid: int) -> list[int]:
    """A process and all that it has begun."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for thread in threads for child in thread.read_text().split()]
    return [pid, *(one for child in children for one in _family(child))]


@contextmanager
def souk(folder: Path | None = None, *arguments: str, **env: str) -> Generator[Server]:
    """``souk serve`` with its log in a file, limits out of the way and more credits than a bench spends."""
    own = folder or _own_folder()
    own.mkdir(parents=True, exist_ok=True)
    settings = {"SOUK_API_KEY": KEY, "SOUK_INITIAL_CREDITS": "1000000000", **LIMITS, **env}
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("souk")),
        "serve",
        "--port",
        str(port),
        "--data-dir",
        str(own),
    ]
    with process([*command, *arguments], clean_env(settings), own / "log", port, "/health") as (pid, took):
        yield Server(pid, port, took, own)


def _own_folder() -> Path:
    """A new folder, which stays till all benches are over.

    For minutes ext4 looks past each file that was deleted when it makes one: the next bench would pay for the tidying.
    """
    folder = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def souk_engine(folder: Path, **env: str) -> Generator[Server]:
    """``souk engine`` beside a server of the same folder and database."""
    command = [str(Path(sys.executable).with_name("souk")), "engine", "--data-dir", str(folder)]
    log = Path(tempfile.mkdtemp(prefix="souk-bench-")) / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(command, env=clean_env({**LIMITS, **env}), stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while b"Souk runs tasks" not in log.read_bytes():
            if running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the engine did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Server(running.pid, 0, 0.0, folder)
    finally:
        end(running)
        shutil.rmtree(log.parent, ignore_errors=True)


@contextmanager
def echo() -> Generator[Server]:
    """Starlette under uvicorn, answering each body with itself."""
    with script(ECHO) as server:
        yield server


@contextmanager
def script(text: str, *arguments: str) -> Generator[Server]:
    """A server written in a few lines, which gets its port as the first argument."""
    folder = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    port = free_port()
    command = [sys.executable, "-c", text, str(port), *arguments]
    with process(command, clean_env({}), folder / "log", port, "/") as (pid, took):
        yield Server(pid, port, took, folder)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def module(name: str, *arguments: str) -> Generator[Server]:
    """A server of the benches' own, in a process of its own; it gets its port as the first argument."""
    folder = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    port = free_port()
    command = [sys.executable, "-m", name, str(port), *arguments]
    try:
        with process(command, clean_env({"PYTHONPATH": str(ROOT)}), folder / "log", port, "/") as (pid, took):
            yield Server(pid, port, took, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def process(
    command: list[str], env: dict[str, str], log: Path, port: int, path: str
) -> Generator[tuple[int, float]]:
    """A server process; its id, and the seconds until it answered."""
    started = time.perf_counter()
    with log.open("wb") as output:
        running = subprocess.Popen(command, env=env, stdout=output, stderr=output)
    try:
        _until_answer(running, port, path, log)
        yield running.pid, time.perf_counter() - started
    finally:
        end(running)


def end(running: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, and make it after a while; one that was killed already is just waited for."""
    running.send_signal(signal.SIGTERM)
    try:
        running.wait(30)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _until_answer(process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read()
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}") from None
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"no answer on port {port}")


def clean_env(extra: dict[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SOUK_") and "API_KEY" not in name
    }
    return kept | extra


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
