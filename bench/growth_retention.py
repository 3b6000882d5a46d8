"""Retention beside traffic: how long creates and records take while a day's tasks go, and while nothing does."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench.chat_load import Call
from bench.growth_fill import DAY_MS, DAYS, SPENT_DAYS, Past
from bench.jobs import CREATE
from bench.load import get
from bench.servers import KEY, souk
from souk.store.database import Database
from souk.store.statement import Statement

PER_SECOND = 100
"""Creates, and as many records."""
PHASE_SECONDS = 40.0
LEAD_SECONDS = 5.0
"""The server runs so long before it is asked, and has begun to clean up by then."""
MOST_PHASES = 6
CONNECTIONS = 15
"""An odd number, so that each creates and reads in turn."""
KEPT_DAYS = DAYS + 5
_LEFT = Statement("SELECT count(*) FROM tasks WHERE id < :before")
_FILES_LEFT = Statement("SELECT count(*) FROM assets WHERE expires_at = 0")
_FORGET = Statement("DELETE FROM tasks WHERE completed_at IS NULL")


@dataclass
class Phase:
    """What was seen in one run of the server, in milliseconds from when a request was due."""

    creates: list[float] = field(default_factory=list[float])
    records: list[float] = field(default_factory=list[float])
    refused: int = 0
    removed: int = 0
    """Tasks that went meanwhile."""


def run(database: Database, folder: Path, past: Past) -> list[tuple[Phase, Phase]]:
    """Serve without a clean-up and with one, in turn, until the oldest day's tasks and their files are gone."""
    phases: list[tuple[Phase, Phase]] = []
    while any(_left(database, past)) and len(phases) < MOST_PHASES:
        quiet = _phase(database, folder, past, KEPT_DAYS)
        busy = _phase(database, folder, past, DAYS - SPENT_DAYS + _days_since(past))
        phases.append((quiet, busy))
        print(_told("nothing goes", quiet), _told(f"{busy.removed:,} tasks go", busy), sep="\n", flush=True)
    return phases


def _days_since(past: Past) -> float:
    """The bench itself takes its time, and no more than one day's tasks are to go."""
    return (time.time() * 1000 - past.now) / DAY_MS


def _phase(database: Database, folder: Path, past: Past, kept_days: float) -> Phase:
    sweeping = kept_days < DAYS
    settings = {
        "SOUK_LOGS_DAYS": f"{kept_days:.4f}",
        "SOUK_SWEEP_SECONDS": "1" if sweeping else "100000",
        "SOUK_SANDBOX_DELAY": "3600",  # what is created meanwhile is claimed and waits
        **({} if database.url.startswith("sqlite:") else {"SOUK_DATABASE_URL": database.url}),
    }
    before, _ = _left(database, past)
    with souk(folder, **settings) as server:
        time.sleep(LEAD_SECONDS)
        phase = uvloop.run(_drive(server.port, past))
    phase.removed = before - _left(database, past)[0]
    connection = database.connect()
    connection.run(_FORGET)
    connection.close()
    return phase


async def _drive(port: int, past: Past) -> Phase:
    phase, begun = Phase(), time.perf_counter()
    chance = random.Random(1)
    oldest = past.count * (SPENT_DAYS + 1) // DAYS
    ids = [past.id_of(chance.randrange(oldest, past.count)) for _ in range(5_000)]

    async def one(turn: int) -> None:
        _, call = await asyncio.get_running_loop().create_connection(Call, "127.0.0.1", port)
        for number in range(turn, int(2 * PER_SECOND * PHASE_SECONDS), CONNECTIONS):
            due = begun + number / (2 * PER_SECOND)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            create = number % 2 == 0
            record = get(f"/api/v1/jobs/recordInfo?taskId={ids[number % len(ids)]}", KEY)
            answer = await call.ask(CREATE if create else record)
            (phase.creates if create else phase.records).append((time.perf_counter() - due) * 1000)
            phase.refused += json.loads(answer.partition(b"\r\n\r\n")[2])["code"] != 200
        call.close()

    await asyncio.gather(*(one(turn) for turn in range(CONNECTIONS)))
    return phase


def _left(database: Database, past: Past) -> tuple[int, int]:
    """Tasks of the oldest day, and files of such tasks that wait to be dropped."""
    connection = database.connect()
    try:
        tasks = connection.run(_LEFT, {"before": past.end_of_day(SPENT_DAYS)})
        return int(tasks[0][0]), int(connection.run(_FILES_LEFT)[0][0])
    finally:
        connection.close()


def _told(name: str, phase: Phase) -> str:
    return f"{name:<22} create {quantiles(phase.creates)}   record {quantiles(phase.records)}   refused {phase.refused}"


def quantiles(times: list[float]) -> str:
    """Median and 99th percentile in words."""
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2]:6.2f} ms, p99 {ordered[int(len(ordered) * 0.99)]:6.2f} ms"


def p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]
