"""A real Souk server as a process of its own, to be killed, stopped and started again on the same port."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.conftest import ROOT
from tests.postgres import free_port
from tests.upstreams.kie import KEY as UPSTREAM_KEY

API_KEY = "api-key-of-the-first-account"
WEBHOOK_KEY = "whsec_c2l4dGVlbiBieXRlcyBsb25n"
READY_SECONDS = 30.0


@dataclass
class ServerProcess:
    """One server over a data folder. The port stays the same over restarts, as a service's does."""

    folder: Path
    database_url: str
    upstream_url: str
    settings: dict[str, str] = field(default_factory=dict[str, str])
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    program: tuple[str, ...] = ("tests.faults.server",)
    """The module that is run, and its arguments."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    async def start(self, trap: str = "", *, ready: bool = True) -> None:
        """Start it and wait until it answers. With ``ready`` off, return at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self.program,
                cwd=ROOT,
                env=self.environment() | ({"TRAP": trap} if trap else {}),
                stdout=log,
                stderr=log,
            )
        if ready:
            await self.ready()

    async def ready(self) -> None:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
            while True:
                assert self.process is not None
                if self.process.returncode is not None:
                    raise RuntimeError(f"the server ended: {self.log.read_text()[-3000:]}")
                try:
                    async with session.get(f"{self.url}/health") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """kill -9, as a crash or a cut of power to the process would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop and wait until it has; its exit code."""
        return await self._end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, seconds: float = 30.0) -> int:
        """Wait until it ended by itself; its exit code, negative for a signal."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def _end(self, number: signal.Signals) -> int:
        process = self.process
        assert process is not None
        if process.returncode is None:
            process.send_signal(number)
        return await process.wait()

    def environment(self) -> dict[str, str]:
        """What the server is started with; commands beside it want the same."""
        own = {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "child"), str(ROOT)]),
            "SOUK_DATA_DIR": str(self.folder),
            "SOUK_DATABASE_URL": self.database_url,
            "SOUK_PORT": str(self.port),
            "SOUK_API_KEY": API_KEY,
            "SOUK_WEBHOOK_KEY": WEBHOOK_KEY,
            "SOUK_INITIAL_CREDITS": "1000000",
            "SOUK_SANDBOX_WORKERS": "1",
            "SOUK_REVIEW_SECONDS": "2",
            # The upstreams of these tests lie so often that their connections would be left alone for minutes.
            "SOUK_BREAKER_SECONDS": "0.2",
            "SOUK_SWEEP_SECONDS": "1",
            "KIE_API_KEY": UPSTREAM_KEY,
            "SOUK_KIE_BASE_URL": self.upstream_url,
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return kept | own | self.settings
