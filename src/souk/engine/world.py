"""Everything the engine touches, handed over as arguments: time, chance, the store, the network, the catalogue."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from souk.assets.ingest import Ingest
from souk.assets.storage import Storage
from souk.catalog.catalog import Catalog
from souk.clock import Clock
from souk.engine.bell import Bell
from souk.measure import Meters
from souk.net.http import Http
from souk.providers.base import Connection, LocalProvider, Media, Provider
from souk.providers.children.pool import Pool
from souk.store.lane import Lane
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import JsonObject


class MediaOf(Protocol):
    """Gathers the files that a task's input names, below a folder that is asked for when there are any."""

    async def __call__(self, task: TaskRow, given: JsonObject, folder: Callable[[], Path]) -> Media: ...


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How much the engine takes on and how long it waits, in seconds unless named otherwise."""

    slots: int = 20_000
    """Tasks this process holds at once."""
    account_concurrency: int = 100
    review_seconds: float = 300.0
    """How long an unclear submit is looked up before the task fails."""
    breaker_seconds: float = 30.0
    """How long a connection that refuses is left alone at first; 0 = it is asked again and again."""
    drain_seconds: float = 10.0
    """How long a stopping engine lets running work end before it hands leases back."""
    lease_seconds: float = 15.0
    claim_seconds: float = 1.0
    """How often to look for work of other processes when nothing rings."""
    logs_days: float = 60.0
    idempotency_days: float = 3.0
    ledger_days: float = 400.0
    sweep_seconds: float = 600.0


def _unspoken(_task: TaskRow) -> str:
    return ""


def _nowhere(_attempt_id: str) -> str:
    return ""


def _unheard(_url: str) -> None: ...


def _alone() -> None: ...


@dataclass(frozen=True)
class World:
    """The engine's surroundings."""

    clock: Clock
    random: random.Random
    lane: Lane
    reads: Reads
    http: Http
    catalog: Catalog
    ingest: Ingest
    storage: Storage
    providers: Mapping[str, Provider]
    """Upstream services by provider name."""
    locals: Mapping[str, LocalProvider]
    """Engines on this machine by provider name."""
    connections: Mapping[str, Connection]
    media_of: MediaOf
    workdir: Path
    """Scratch space; what lies here belongs to unfinished tasks."""
    node: str
    slot: str
    bell: Bell
    meters: Meters
    fitters: Pool | None = None
    """Processes that make input files fit their upstreams; None leaves files as they are."""
    limits: EngineLimits = field(default_factory=EngineLimits)
    hook_address: Callable[[str], str] = _nowhere
    """Where the upstream of an attempt may report; empty if nowhere."""
    wake_callbacks: Callable[[str], None] = _unheard
    """Told of an address that has a callback to get, now or once what the lane has is written; of an empty one when it
    may be any."""
    last_word: Callable[[TaskRow], str] = _unspoken
    """What the receiver of a task that ended is told, as the outbox keeps it; empty if that is not known yet."""
    share_work: Callable[[], None] = _alone
    """Told when there are tasks that other processes may claim."""
