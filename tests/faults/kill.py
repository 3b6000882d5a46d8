"""Souk under load, killed with SIGKILL at random moments and started again at once, over and over.

``python -m tests.faults.kill --kills 500 --database postgresql`` prints what it did and every promise that was
broken; its exit code is 1 if any was. The same seed kills at the same moments, as far as the machine lets it.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from souk.config import Config
from souk.house import House
from souk.settings import Settings
from souk.store.database import Database
from souk.store.migrate import migrate
from souk.words import Mode, Scope
from tests.conftest import ROOT
from tests.faults.load import Load
from tests.faults.long_form import command, site
from tests.faults.process import API_KEY, WEBHOOK_KEY, ServerProcess
from tests.faults.truth import Evidence, problems, settled
from tests.upstreams.journal import read_submits
from tests.upstreams.receiver import Receiver, receiver

SETTLE_SECONDS = 90.0
SWEPT_SECONDS = 10.0


@dataclass
class Siege:
    """A server, its upstream, its clients and their receiver."""

    server: ServerProcess
    load: Load
    receiver: Receiver
    journal: Path
    database_url: str
    """Where to look for what happened; the server may have another way there."""
    startups: list[float] = field(default_factory=list[float])
    """Seconds each start took until the server answered."""

    async def start(self, trap: str = "") -> None:
        """Start the server and wait until it answers; one with a trap may die before it does."""
        started = time.monotonic()
        await self.server.start(trap, ready=not trap)
        self.startups.append(time.monotonic() - started)

    async def kill_and_restart(self) -> None:
        await self.server.kill()
        await self.start()

    async def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until all that was begun has ended and been told."""
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(settled, self.database_url):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.1)

    def evidence(self) -> Evidence:
        return Evidence(
            self.database_url,
            self.server.folder / "files",
            self.load.made,
            read_submits(self.journal),
            self.receiver.got,
        )

    async def broken_promises(self) -> list[str]:
        """Wait for the end, stop the server, and hold what is stored against what was promised."""
        with contextlib.suppress(TimeoutError):
            await self.settle()
            await self._swept()
        code = await self.server.stop()
        return [
            *problems(self.evidence()),
            *([f"the server stopped with code {code}"] if code else []),
            *([f"the folder of finished task {name} is left" for name in self._scratch()]),
        ]

    async def _swept(self) -> None:
        async with asyncio.timeout(SWEPT_SECONDS):
            while self._scratch():  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.1)

    def _scratch(self) -> list[str]:
        work = self.server.folder / "work"
        return [path.name for path in work.iterdir()] if work.exists() else []


@contextlib.asynccontextmanager
async def siege(
    folder: Path, database_url: str, *, seed: int = 1, settings: dict[str, str] | None = None
) -> AsyncIterator[Siege]:
    """Everything but a started server: the caller starts it."""
    sandbox_key = await _prepared(folder / "data", database_url)
    journal = folder / "journal"
    async with upstream_process(journal) as upstream_url, receiver() as clients_receiver:
        server = ServerProcess(folder / "data", database_url, upstream_url, settings or {})
        load = Load(server.url, clients_receiver.url(), sandbox_key, Random(seed))
        try:
            yield Siege(server, load, clients_receiver, journal, database_url)
        finally:
            if server.process is not None:
                await server.kill()


async def _prepared(folder: Path, database_url: str) -> str:
    """A store with the first account; the text of a sandbox key of it."""
    migrate(Database(database_url))
    settings = Settings.model_validate(
        {
            "data_dir": folder,
            "database_url": database_url,
            "api_key": API_KEY,
            "webhook_key": WEBHOOK_KEY,
            "initial_credits": 1_000_000,
        }
    )
    house = await House.open(settings, Config(), engine=False, env={})
    made = await house.admin("test").keys.create("main", "sandbox", mode=Mode.SANDBOX, scope=Scope.USER)
    await house.close()
    return made.text


@contextlib.asynccontextmanager
async def upstream_process(journal: Path, *more: str) -> AsyncIterator[str]:
    """The fake upstream as a process of its own, with more arguments; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.upstreams.kie", "--journal", str(journal), *more),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


@dataclass(frozen=True)
class Outcome:
    """What a siege came to."""

    kills: int
    tasks: int
    repeated: int
    slowest_start: float
    broken: list[str]

    def __str__(self) -> str:
        lines = [
            f"{self.kills} kills, {self.tasks} tasks, {self.repeated} creates repeated, "
            f"slowest start {self.slowest_start:.1f} s, {len(self.broken)} promises broken",
            *self.broken,
        ]
        return "\n".join(lines)


async def besiege(
    folder: Path,
    database_url: str,
    *,
    kills: int,
    seed: int,
    clients: int = 4,
    pause: float = 0.2,
    longest_life: float = 1.5,
) -> Outcome:
    """Kill the server so many times under load, let it settle, and judge."""
    async with siege(folder, database_url, seed=seed) as town:
        await town.start()
        over = asyncio.Event()
        working = [asyncio.create_task(town.load.go_on(over, pause=pause)) for _ in range(clients)]
        moments = Random(seed)
        for _ in range(kills):
            await asyncio.sleep(moments.uniform(0.0, longest_life))
            await town.kill_and_restart()
        over.set()
        await asyncio.gather(*working)
        broken = await town.broken_promises()
        return Outcome(kills, len(town.load.made), town.load.repeated, max(town.startups), broken)


def main() -> int:
    parser = command("kill", __doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--clients", type=int, default=4)
    given = parser.parse_args()
    with site(given) as there:
        outcome = asyncio.run(
            besiege(
                there.folder, there.database_url, kills=given.kills, seed=given.seed, clients=given.clients
            )
        )
    print(outcome)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
