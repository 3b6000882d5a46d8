"""Several servers and engines, as if each had a machine of its own, over one PostgreSQL and one S3 service.

They are killed and started again by turns. In front stands what a balancer is to clients: one address that leads to
whichever server answers. ``FLEET=3 scripts/test.sh tests/wire`` runs every wire test on PostgreSQL and S3, and those
that share a market through such a fleet of three servers and three engines.
"""

import asyncio
import contextlib
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp

from tests.conftest import ROOT
from tests.postgres import free_port

READY_SECONDS = 60.0
STARTED = "engine started"
"""What an engine's log says once it runs tasks."""
BLOCK = 65536
TRIES = 60
PAUSE_SECONDS = 0.25


@dataclass
class Member:
    """One process of ours, with a data folder of its own. A server has a port, an engine has none."""

    folder: Path
    settings: dict[str, str]
    port: int = 0
    runs_tasks: bool = False
    """Whether a server is an engine too, as on SQLite."""
    log_name: str = "log"
    """Members that share a folder have a log each."""
    process: asyncio.subprocess.Process | None = None
    kills: int = 0
    _read_from: int = 0
    """Where in its log the present process begins."""

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._read_from = len(self.log())
        with (self.folder / self.log_name).open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "souk", *self._command(), "--data-dir", str(self.folder)),
                cwd=ROOT,
                env=self.settings,
                stdout=log,
                stderr=log,
            )

    async def end(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    async def ready(self) -> None:
        """Wait until it serves or runs tasks, which a busy machine may take long for."""
        async with asyncio.timeout(READY_SECONDS):
            while not (
                await asyncio.to_thread(_listens, self.port)
                if self.port
                else STARTED in self.log()[self._read_from :]
            ):
                if self.process is None or self.process.returncode is not None:
                    raise RuntimeError(f"a process ended: {self.log()[-3000:]}")
                await asyncio.sleep(0.05)

    async def kill_and_restart(self) -> None:
        await self.end(signal.SIGKILL)
        self.kills += 1
        await self.start()
        await self.ready()

    def log(self) -> str:
        path = self.folder / self.log_name
        return path.read_text(errors="replace") if path.exists() else ""

    def _command(self) -> list[str]:
        if not self.port:
            return ["engine"]
        return ["serve", "--port", str(self.port), *([] if self.runs_tasks else ["--no-engine"])]


@dataclass
class Fleet:
    """The processes, and the address that leads to a server that is up."""

    servers: list[Member]
    engines: list[Member]
    front: int
    _turns: "count[int]" = field(default_factory=count)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front}"

    @property
    def kills(self) -> int:
        return sum(member.kills for member in self.servers + self.engines)

    async def kill_by_turns(self, every: float, chance: Random) -> None:
        """Every so many seconds one server and one engine die and are started again. Ends when cancelled."""
        while True:
            await asyncio.sleep(every)
            doomed = [chance.choice(kind) for kind in (self.servers, self.engines) if kind]
            await asyncio.gather(*(member.kill_and_restart() for member in doomed))

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, to the next server that takes it."""
        # A server of streams cannot hear of a cancel, which only the end of a test brings.
        with contextlib.suppress(asyncio.CancelledError):
            way = await self._way()
            if way is not None:
                back, forth = way
                await asyncio.gather(_pump(reader, forth), _pump(back, writer))
        writer.close()

    async def _way(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self.servers:
            server = self.servers[next(self._turns) % len(self.servers)]
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", server.port)
        return None


def _listens(port: int) -> bool:
    """A server opens its port before it is ready, and answers once it is."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=READY_SECONDS).close()
    except OSError:
        return False
    return True


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await source.read(BLOCK):
            target.write(block)
            await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def fleet(
    folder: Path,
    settings: dict[str, str],
    *,
    size: int,
    engines: bool = True,
    every: float | None = None,
    seed: int = 1,
) -> AsyncIterator[Fleet]:
    """So many servers and as many engines, ready. With ``every``, they are killed by turns as long as this lasts."""
    front = free_port()
    env = environment({"SOUK_PUBLIC_URL": f"http://127.0.0.1:{front}", **settings})
    servers = [Member(folder / f"server-{number}", env, free_port()) for number in range(size)]
    runners = [Member(folder / f"engine-{number}", env) for number in range(size if engines else 0)]
    ships = Fleet(servers, runners, front)
    balancer = await asyncio.start_server(ships.carry, "127.0.0.1", front)
    killing: asyncio.Task[None] | None = None
    try:
        for member in servers + runners:
            await member.start()
        await asyncio.gather(*(member.ready() for member in servers + runners))
        if every is not None:
            killing = asyncio.create_task(ships.kill_by_turns(every, Random(seed)))
        yield ships
    finally:
        if killing is not None:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
        for member in servers + runners:
            await member.end(signal.SIGKILL)
        balancer.close()


@contextlib.contextmanager
def fleet_in_a_thread(folder: Path, settings: dict[str, str], **how: Any) -> Iterator[str]:
    """A fleet that lives and dies whatever the loop of a test does meanwhile; its address."""
    loop, over, address = asyncio.new_event_loop(), asyncio.Event(), Future[str]()

    async def sail() -> None:
        async with fleet(folder, settings, **how) as ships:
            address.set_result(ships.url)
            await over.wait()

    with ThreadPoolExecutor(1, "fleet") as thread:
        sailing = thread.submit(loop.run_until_complete, sail())
        sailing.add_done_callback(lambda _: address.cancel())
        try:
            yield address.result(2 * READY_SECONDS)
        finally:
            loop.call_soon_threadsafe(over.set)
            sailing.result()
            loop.close()


def environment(settings: dict[str, str]) -> dict[str, str]:
    """What a member is started with."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
    return kept | {"SOUK_SANDBOX_WORKERS": "1"} | settings


async def patient(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """A client's manners (aiohttp middleware): what got no whole answer is asked again, under one Idempotency-Key."""
    if request.method == "POST" and "Idempotency-Key" not in request.headers:
        request.headers["Idempotency-Key"] = uuid4().hex
    for _ in range(TRIES):
        try:
            answer = await handler(request)
            await answer.read()
        except aiohttp.ClientError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        if answer.status != 503:
            return answer
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError(f"no server answered {request.method} {request.url}")
