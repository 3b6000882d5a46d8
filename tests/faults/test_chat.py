"""Processes that sell chat are killed: users pay for no more than they had, operators lose a moment at most."""

import asyncio
import signal
import sys
import time
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random

import aiohttp
import pytest

from souk.clock import SystemClock
from souk.relay.meter import FLUSH_SECONDS
from souk.store.statement import Statement
from souk.words import CREDIT
from tests.conftest import ROOT
from tests.faults.chat_process import KEYS
from tests.faults.process import API_KEY, ServerProcess
from tests.relay.metering import Shop, shop

NOISE_SECONDS = 1.5
"""How late a beat may be on a busy machine."""
CREDITS = 10**12

KILLS = 2
CLIENTS = 3
NOWHERE = "http://127.0.0.1:9"
ASK = {"model": "gpt-5-2", "max_tokens": 2000, "messages": [{"role": "user", "content": "What is new?"}]}

_HELD = Statement("SELECT sum(held) FROM balances")
_CHARGED = Statement("SELECT COALESCE(sum(amount), 0) FROM ledger WHERE kind = 'capture'")


@dataclass(frozen=True)
class Life:
    """What a process had charged when it ended."""

    least: int
    """What it must have written down by then."""
    most: int


async def live(url: str, number: int, seconds: float, end: signal.Signals) -> Life:
    """Run a process for a while, end it, and hear what it told."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.chat_process", url, str(number)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    telling = asyncio.create_task(process.stdout.read())
    await asyncio.sleep(seconds)
    ended_at = time.monotonic()
    process.send_signal(end)
    lines = (first + await telling).decode().splitlines()
    code = await process.wait()
    assert code == (0 if end is signal.SIGTERM else -end)
    told = [
        (float(at), int(charged)) for at, charged in (line.split() for line in lines if line.count(" ") == 1)
    ]
    written_by = ended_at - FLUSH_SECONDS - NOISE_SECONDS if code else ended_at
    return Life(max((charged for at, charged in told if at < written_by), default=0), told[-1][1])


def charged(till: Shop) -> int:
    return int(till.run(_CHARGED)[0][0])


@pytest.mark.timeout(180)
async def test_a_kill_costs_the_operator_a_moment_and_the_user_nothing(migrated_url: str) -> None:
    async with shop(migrated_url, credits=CREDITS, clock=SystemClock()) as till:
        till.key(KEYS[1])
        moments, least, most = Random(2026), 0, 0
        for number in range(3):
            life = await live(migrated_url, number, moments.uniform(2.0, 5.0), signal.SIGKILL)
            assert till.balance()[1] > 0, "nothing was held when it was killed"
            least, most = least + life.least, most + life.most
        last = await live(migrated_url, 3, 0.5, signal.SIGTERM)
        assert least > 0
        assert least + last.most <= charged(till) <= most + last.most
        assert till.balance() == (CREDITS - charged(till), 0)
        assert till.blocks() == []
        assert till.problems() == []


@dataclass
class Talk:
    """What clients of a server were told that their chats cost."""

    url: str
    over: bool = False
    told: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When, and how many credits."""

    async def go_on(self) -> None:
        """Chat without a pause; while the server is down, knock."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as session:
            while not self.over:
                try:
                    async with session.post("/v1/chat/completions", json=ASK) as answer:
                        body = await answer.json()
                        assert answer.status == 200, body
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)
                else:
                    self.told.append((time.monotonic(), body["credits_consumed"]))

    def sum(self, since: float = 0.0, until: float = inf) -> float:
        return sum(credits for at, credits in self.told if since <= at < until)


@pytest.mark.timeout(180)
async def test_a_killed_server_charges_its_chats_as_it_told(tmp_path: Path, database_url: str) -> None:
    server = ServerProcess(tmp_path / "data", database_url, NOWHERE, {"SOUK_SANDBOX": "always"})
    await server.start()
    talk = Talk(server.url)
    clients = [asyncio.create_task(talk.go_on()) for _ in range(CLIENTS)]
    least = 0.0
    for _ in range(KILLS):
        began = time.monotonic()
        await asyncio.sleep(3.5)
        least += talk.sum(began, time.monotonic() - FLUSH_SECONDS - NOISE_SECONDS)
        await server.kill()
        await server.start()
    talk.over = True
    await asyncio.gather(*clients)
    assert await server.stop() == 0
    till = Shop(database_url)
    unheard = KILLS * CLIENTS * max(credits for _, credits in talk.told)
    rounding = 0.005 * len(talk.told)
    assert least > 0
    assert least - rounding <= charged(till) / CREDIT <= talk.sum() + unheard + rounding
    assert till.run(_HELD) == [(0,)]
    assert till.problems() == []
