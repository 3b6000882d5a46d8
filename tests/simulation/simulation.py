"""One simulation: a few processes, some services and clients, faults from a seed, and a verdict at the end."""

import asyncio
import gc
import hashlib
import logging
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import msgspec

from souk.engine.routes import LOCAL
from souk.engine.world import EngineLimits
from souk.providers.base import Connection
from souk.store.database import DatabaseError
from souk.store.lane import GaveUp
from tests.simulation.database import SimDatabase
from tests.simulation.fate import Fate
from tests.simulation.judge import Judge
from tests.simulation.loop import SimLoop
from tests.simulation.network import Network
from tests.simulation.outside import Intent, Receiver, want
from tests.simulation.process import PROVIDERS, Process, Town
from tests.simulation.services import Service
from tests.simulation.storage import Shelves

FAULT_SECONDS = 120.0
ENDING_SECONDS = 120.0
"""How long after its deadline a task may end, in a world that works again."""
TELLING_SECONDS = 3 * 86_400.0
LOOK_SECONDS = 5.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there


@dataclass
class Outcome:
    """What came of a seed."""

    seed: int
    lives: int
    problems: list[str]
    trace: list[str]
    seconds: float
    """How long it took, on the simulated clock."""
    faults: int
    ends: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def mark(self) -> str:
        """The trace in a few digits: the same for the same seed."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    def about_problems(self) -> list[str]:
        """The trace as far as it tells of faults, and of the tasks the problems name."""
        tasks = {word for problem in self.problems for word in problem.split() if len(word) == 32}
        return [line for line in self.trace if line.split()[1] == "fate" or tasks & set(line.split())]


def simulate(seed: int, lives: int, *, gap: float = 0.0) -> Outcome:
    """Live so many tasks with the faults of this seed, ``gap`` seconds apart; 0 = as the seed has it."""
    folder = Path(tempfile.mkdtemp(prefix="souk-simulation-", dir=_MEMORY if _MEMORY.exists() else None))
    ears = _Ears()
    gc.disable()  # it would look through all that stays, again and again
    try:
        with ears:
            return _Simulation(seed, lives, gap, folder, ears).run()
    finally:
        gc.enable()
        shutil.rmtree(folder, ignore_errors=True)


class _Ears(logging.Handler):
    """Hears the errors the engine logs and lives on after: in a simulation each is a finding."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, GaveUp) and "simulated" not in str(error):
            self.heard.append(f"{record.getMessage()}: {error!r}")

    def __enter__(self) -> None:
        log = logging.getLogger("souk")
        self._before = log.level, log.propagate
        log.addHandler(self)
        log.setLevel(logging.ERROR)
        log.propagate = False

    def __exit__(self, *_: object) -> None:
        log = logging.getLogger("souk")
        log.removeHandler(self)
        level, log.propagate = self._before
        log.setLevel(level)  # not the attribute: loggers remember what their level lets through


class _Simulation:
    def __init__(self, seed: int, lives: int, gap: float, folder: Path, ears: _Ears) -> None:
        self.seed, self.lives, self.ears = seed, lives, ears
        self.chance = chance = Random(seed)
        self.loop = loop = SimLoop(chance)
        self.gap = gap or chance.choice([3.0, 8.0, 30.0])
        self.trace: list[str] = []
        self.faults = 0
        self.processes: list[Process] = []
        self.numbers = 0
        self.trouble = chance.choice([0.0, 0.02, 0.06])
        database = SimDatabase.new()
        self.judge = Judge(loop, database)
        network = Network(loop, chance, loss=chance.choice([0.0, 0.01, 0.04]))
        self.services = [
            Service(
                name,
                loop,
                chance,
                self._accepted,
                self._report,
                keyed=name == "keyed-1",
                found=name == "found-1",
                trouble=self.trouble,
            )
            for name in ("plain-1", "plain-2", "keyed-1", "found-1", "reporting-1", "reporting-2")
        ]
        self.town = Town(
            loop=loop,
            chance=chance,
            database=database,
            network=network,
            shelves=Shelves(loop),
            connections=_connections(chance, [service.name for service in self.services]),
            limits=EngineLimits(
                review_seconds=chance.choice([5.0, 40.0]),
                drain_seconds=chance.choice([0.0, 5.0]),
                lease_seconds=15.0,
                claim_seconds=2.0,
                sweep_seconds=chance.choice([60.0, 600.0]),
                account_concurrency=chance.choice([6, 100]),
                breaker_seconds=chance.choice([0.0, 5.0]),
            ),
            folder=folder,
            note=self._note,
            trip=lambda process, where: self.fate.trip(process, where),
        )
        self.receivers = [Receiver(self.town, chance, self.trouble, self.judge.broken) for _ in range(3)]
        network.hosts |= {f"{service.name}.example": service for service in self.services}
        network.hosts |= {f"receiver-{number}.example": one for number, one in enumerate(self.receivers)}
        slots = [f"slot-{number}" for number in range(chance.randint(2, 4) + 1)]
        self.fate = Fate(self.town, chance, self.processes, self.services, self.receivers, self._start, slots)
        self.intents = [Intent(number) for number in range(lives)]

    def run(self) -> Outcome:
        problems = self.loop.run(self._main())
        seconds = self.loop.time()
        trace = list(self.trace)
        buried = self.loop.bury()
        problems += [f"a task would not end: {one}" for one in buried]
        return Outcome(self.seed, self.lives, problems, trace, seconds, self.faults, self._ends())

    async def _main(self) -> list[str]:
        for slot in self.fate.slots[:-1]:
            self._start(slot)
        watches = [
            self.loop.create_task(self.fate.watch()),
            self.loop.create_task(self.judge.watch(self.processes)),
        ]
        clients = [self.loop.create_task(self._client(intent)) for intent in self.intents]
        await self.fate.strike(FAULT_SECONDS, self.gap)
        self.fate.relent()
        await asyncio.gather(*clients)
        seconds = max(0.0, self.judge.latest_end() - self.loop.time()) + ENDING_SECONDS
        if not await self._within(seconds, self.judge.all_ended):
            return [*self._said(), *self.judge.broken, *self.judge.unfinished()]
        for watch in watches:
            watch.cancel()
        await asyncio.sleep(30)
        living = [process for process in self.processes if process.alive and process.started]
        problems = self.judge.leftovers(living)
        await asyncio.gather(*(process.spawn(process.engine.close) for process in living))
        if not await self._within(TELLING_SECONDS, self.judge.all_told):
            problems.append("callbacks still wait to be sent")
        await asyncio.gather(*(process.spawn(process.outbox.close) for process in living))
        return problems + self.judge.verdict(self.intents, self.receivers, self.town.shelves) + self._said()

    async def _client(self, intent: Intent) -> None:
        await asyncio.sleep(self.chance.random() * FAULT_SECONDS * 0.9)
        await want(self.town, self.chance, intent, self.processes)

    async def _within(self, seconds: float, holds: Any) -> bool:
        until = self.loop.time() + seconds
        while not holds():
            if self.loop.time() > until:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    def _said(self) -> list[str]:
        return list(dict.fromkeys([*self.ears.heard, *self.loop.complaints]))

    def _ends(self) -> dict[str, int]:
        rows = self.town.database.raw.execute(
            "SELECT COALESCE(fail_kind, state), count(*) FROM tasks GROUP BY 1"
        )
        return dict(rows.fetchall())

    def _start(self, slot: str) -> None:
        self.numbers += 1
        self.processes.append(Process(self.town, slot, self.numbers))

    def _note(self, who: str, *told: object) -> None:
        self.faults += who == "fate"
        self.trace.append(f"{self.loop.time():10.4f} {who} {' '.join(map(str, told))}")

    def _accepted(self, work: Any) -> None:
        self._note(work.service, "accepted", work.task, work.ref, work.outcome)
        self.judge.accepted(work)

    def _report(self, url: str, told: dict[str, Any]) -> None:
        """A service's webhook reaches some process."""
        _, _, attempt, secret = urlsplit(url).path.split("/")
        serving = [process for process in self.processes if process.serving]
        if not serving:
            return
        process = self.chance.choice(serving)
        headers = {"signed": "yes"} if self.chance.random() < 0.5 else {}
        body = msgspec.json.encode(told)

        async def receive() -> None:
            try:
                await process.hooks.receive(attempt, secret, headers, body)
            except DatabaseError as error:
                self._note(process.name, "webhook failed", error)

        process.spawn(receive)


def _connections(chance: Random, names: list[str]) -> dict[str, Connection]:
    found = {LOCAL: Connection(LOCAL, LOCAL)}
    for name in names:
        provider = name.partition("-")[0]
        assert provider in PROVIDERS
        found[name] = Connection(
            name,
            provider,
            base_url=f"http://{name}.example",
            api_key="key",
            concurrency=chance.choice([0, 0, 4]),
            polls_per_second=chance.choice([0.0, 50.0]),
        )
    return found
