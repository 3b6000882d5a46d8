"""A simulated process of Souk: an engine, an outbox worker and the operations, as a house puts them together."""

import json
import logging
import random
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from souk.accounts.auth import Authenticator
from souk.assets.ingest import Ingest, IngestLimits
from souk.callbacks.message import Message, pack
from souk.callbacks.worker import OutboxWorker
from souk.catalog.catalog import Catalog
from souk.catalog.load import load_catalog
from souk.engine.bell import Bell
from souk.engine.engine import Engine
from souk.engine.hooks import Hooks
from souk.engine.routes import LOCAL
from souk.engine.world import EngineLimits, World
from souk.measure import Meters
from souk.net.policy import Policy
from souk.operations.create import Limits
from souk.operations.drafts import Drafts
from souk.operations.operations import Operations
from souk.providers.base import Connection, Media, MediaFile
from souk.settings import SandboxPolicy
from souk.store.database import DatabaseError
from souk.store.outbox import END, END_NUMBER, OutboxRow, endpoint_of
from souk.store.tasks import TaskRow
from souk.words import JsonObject, TaskId
from tests.simulation.clock import SimClock
from tests.simulation.database import SeenDatabase, SimDatabase, Weather
from tests.simulation.lane import LoopLane, LoopReads
from tests.simulation.loop import STRAND, SimLoop, Strand
from tests.simulation.network import Network, SimHttp
from tests.simulation.providers import ReportingProvider, SimLocal, SimProvider
from tests.simulation.storage import Shelves, SimStorage

T = TypeVar("T")

PUBLIC_URL = "http://souk.example"
KEPT_MS = 14 * 86_400_000
SIGNING_KEY = "a key all simulated callbacks are signed with"
PROVIDERS = {
    "plain": SimProvider(),
    "keyed": SimProvider(keyed=True),
    "found": SimProvider(found=True),
    "reporting": ReportingProvider(),
}
"""By provider name; each has two connections but ``found`` and ``keyed``, which have one."""


@dataclass
class Town:
    """What all processes of a simulation share."""

    loop: SimLoop
    chance: random.Random
    database: SimDatabase
    network: Network
    shelves: Shelves
    connections: dict[str, Connection]
    limits: EngineLimits
    folder: Path
    note: Callable[..., None]
    """Writes a line of the trace."""
    trip: Callable[["Process", str], None]
    """Told of every point at which a process may be stopped; may kill or pause it."""


@cache
def catalog() -> Catalog:
    """The models simulated clients ask for."""
    return load_catalog(Path(__file__).parent / "models")


@cache
def meters() -> Meters:
    return Meters()


class Process:
    """Made, it is running. It ends by :meth:`close`, or by the loop's killing its strand."""

    def __init__(self, town: Town, slot: str, number: int) -> None:
        self.town = town
        self.slot = slot
        self.name = f"{slot}#{number}"
        self.strand = Strand(self.name)
        self.weather = Weather()
        self.clock = SimClock(town.loop)
        self.stopping = False
        self._in_strand(self._compose)
        self.spawn(self._start)

    @property
    def alive(self) -> bool:
        return not self.strand.dead

    @property
    def serving(self) -> bool:
        """Whether a client can reach it."""
        return self.alive and not self.stopping and self.started

    def spawn(self, work: Callable[[], Any]) -> Any:
        """Run a coroutine as this process does: it ends when the process ends, without a word."""
        return self._in_strand(lambda: self.town.loop.create_task(work()))

    async def close(self) -> None:
        """Stop as on SIGTERM."""
        self.stopping = True
        await self.engine.close()
        await self.outbox.close()

    def _in_strand(self, call: Callable[[], T]) -> T:
        context = copy_context()
        context.run(STRAND.set, self.strand)
        return context.run(call)

    async def _start(self) -> None:
        try:
            self.lane.start()
            await self.engine.start()
        except DatabaseError as error:
            self.town.note(self.name, "cannot start", error)
            self.failed = True
            return
        self.outbox.start()
        self.started = True

    def _compose(self) -> None:
        town = self.town
        self.started = self.failed = False
        chance = random.Random(town.chance.getrandbits(64))
        seen = SeenDatabase.of(town.database, self.name, self.weather, town.chance)
        self.lane = LoopLane(seen, self.name, town.loop, self.strand, self._committed)
        self.reads = LoopReads(seen, town.loop)
        self.http = SimHttp(town.network, self.name, lambda: town.trip(self, "sending"))
        folder = town.folder / self.slot
        folder.mkdir(parents=True, exist_ok=True)
        storage = SimStorage(town.shelves, folder)
        bell = Bell()
        self.hooks = Hooks(
            self.lane,
            self.reads,
            self.clock,
            _Signer(),
            PUBLIC_URL,
            lambda: self.engine if self.started else None,
        )
        self.outbox = OutboxWorker(
            lane=self.lane,
            reads=self.reads,
            http=self.http,
            clock=self.clock,
            random=chance,
            render=self._render,
            keys_of_account=_keys_of,
            owner=self.name,
            log=logging.getLogger("souk.callbacks"),
        )
        ingest_limits = IngestLimits(1_000_000, 60.0, KEPT_MS)
        ingest = Ingest(storage, self.http, self.reads, self.clock, chance, ingest_limits)
        self.engine = Engine(
            World(
                clock=self.clock,
                random=chance,
                lane=self.lane,
                reads=self.reads,
                http=self.http,
                catalog=catalog(),
                ingest=ingest,
                storage=storage,
                providers=PROVIDERS,
                locals={LOCAL: SimLocal(chance)},
                connections=town.connections,
                media_of=_no_media,
                workdir=folder / "work",
                node=self.name,
                slot=self.slot,
                bell=bell,
                meters=meters(),
                limits=town.limits,
                hook_address=self.hooks.address,
                wake_callbacks=self._wake_callbacks,
                last_word=_last_word,
            )
        )
        policy = Policy("open")
        self.operations = Operations(
            catalog=catalog(),
            lane=self.lane,
            reads=self.reads,
            clock=self.clock,
            random=chance,
            bell=bell,
            meters=meters(),
            authenticator=Authenticator(self.reads, self.clock),
            drafts=Drafts(
                catalog(),
                self.reads,
                self.clock,
                town.connections,
                SandboxPolicy.NEVER,
                lambda: policy,
                PUBLIC_URL,
            ),
            limits=Limits(0, 0),
            public_url=PUBLIC_URL,
            held_ahead=_NoChat(),
            expect_work=self.engine.expect,
            share_work=_alone,
            cancel_engine=self._cancel_engine,
            wake_callbacks=self._wake_callbacks,
        )

    def _cancel_engine(self, task: TaskId) -> None:
        self.engine.cancel(task)

    def _wake_callbacks(self, url: str = "") -> None:
        if self.started:
            self.outbox.wake([endpoint_of(url)] if url else ())

    def _committed(self, writes: int) -> None:
        self.town.note(self.name, "committed", writes)
        self.town.trip(self, "committed")

    async def _render(self, row: OutboxRow) -> Message | None:
        task = await self.reads.task(TaskId(row.task_id))
        if task is None:
            return None
        state = task.state if row.stage == END else "running"
        return _told(task.id, row.stage, row.number, state)


def _last_word(task: TaskRow) -> str:
    return pack(_told(task.id, END, END_NUMBER, task.state))


def _told(task: str, stage: str, number: int, state: str) -> Message:
    return Message(task, json.dumps({"task": task, "stage": stage, "number": number, "state": state}))


class _Signer:
    def sign(self, text: str) -> str:
        return f"signature of {text}".replace(" ", "-")[:43].ljust(43, "-")

    def signed(self, text: str) -> list[str]:
        return [self.sign(text)]


async def _keys_of(_account: int) -> list[str]:
    return [SIGNING_KEY]


async def _no_media(task: TaskRow, given: JsonObject, folder: Callable[[], Path]) -> Media:
    return _NoMedia()


class _NoMedia:
    """No simulated model takes files."""

    async def files(self, field: str) -> Sequence[MediaFile]:
        return []

    async def all(self) -> Sequence[MediaFile]:
        return []


class _NoChat:
    """Nobody chats."""

    async def flush(self, account_id: int, /) -> None: ...

    async def give_way(self, account_id: int, /) -> bool:
        return False


def _alone() -> None:
    """Other processes find work by looking for it."""
