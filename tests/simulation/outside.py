"""The people around a simulated Souk: clients that create and cancel, and receivers of callbacks."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from souk.operations.types import Caller, Draft
from souk.store.outbox import END_NUMBER
from souk.words import AccountId, KeyId, Mode
from tests.simulation.database import ACCOUNTS
from tests.simulation.network import Reply, Request
from tests.simulation.process import Process, Town

MODELS = ("plain", "plain", "keyed", "found", "told", "again", "alone", "here")
ANSWER_SECONDS = 8.0
"""How long a client waits for an answer before it asks again."""
LATE_SECONDS = 40.0
"""A callback this long under way was sent by a process that was stopped in the middle; its lease may have run out."""


@dataclass
class Intent:
    """A task a client wants, once."""

    number: int
    answers: set[str] = field(default_factory=set[str])
    """Task ids it was given."""
    done: bool = False


@dataclass
class Receiver:
    """Takes callbacks and remembers who told what first."""

    town: Town
    chance: Random
    trouble: float
    broken: list[str]
    away: bool = False
    heard: defaultdict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    """By task: each number and the state it told, in order of first arrival."""

    def __call__(self, request: Request) -> Reply:
        if self.away:
            return Reply(503, {}, seconds=0.1)
        chance = self.chance.random()
        if chance < self.trouble:
            return self.chance.choice([Reply(500, {}), Reply(429, {}, retry_after=1), Reply(404, {})])
        told = msgspec.json.decode(request.body)
        self._hear(told, self.town.loop.time() - request.begun > LATE_SECONDS)
        return Reply(200, {}, seconds=self.chance.random() / 10, lost=chance > 1 - self.trouble)

    def _hear(self, told: dict[str, Any], late: bool) -> None:
        heard = self.heard[told["task"]]
        number = told["number"]
        if number in heard:
            if heard[number] != told["state"]:
                self.broken.append(f"callback {number} of {told['task']} told two things")
            return
        if heard and number < max(heard) and not late:
            self.broken.append(f"callback {number} of {told['task']} came after {max(heard)}")
        heard[number] = told["state"]


async def want(town: Town, chance: Random, intent: Intent, processes: list[Process]) -> None:
    """Create a task as a careful client does: with a key of its own, again and again until there is an answer."""
    account = 1 + intent.number % ACCOUNTS
    caller = Caller(AccountId(account), KeyId(account), Mode.LIVE)
    hears = chance.random()
    hook = f"http://receiver-{intent.number % 3}.example/hook"
    draft = Draft(
        chance.choice(MODELS),
        {"prompt": f"wish {intent.number}", "n": 1 + intent.number % 3},
        "jobs",
        callback_url=hook if hears < 0.8 else None,
        progress_url=hook if hears < 0.2 else None,
        idempotency_key=f"wish-{intent.number}",
    )
    while not intent.done:
        process = _some(chance, processes)
        if process is None:
            await asyncio.sleep(1)
            continue
        answer: asyncio.Future[str] = town.loop.create_future()
        process.spawn(lambda process=process, answer=answer: _create(process, caller, draft, answer))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                task = await answer
        except (TimeoutError, ConnectionError):
            await asyncio.sleep(0.5)
            continue
        intent.answers.add(task)
        # Some clients lose the answer as they get it.
        intent.done = chance.random() > 0.05
    if chance.random() < 0.12:
        await asyncio.sleep(chance.random() * 8)
        process = _some(chance, processes)
        if process is not None:
            process.spawn(lambda: _cancel(process, caller, next(iter(intent.answers))))


def _some(chance: Random, processes: list[Process]) -> Process | None:
    serving = [process for process in processes if process.serving]
    return chance.choice(serving) if serving else None


async def _create(process: Process, caller: Caller, draft: Draft, answer: "asyncio.Future[str]") -> None:
    try:
        created = await process.operations.create(caller, draft)
    except Exception as error:  # noqa: BLE001 - the client hears of it as an error it may repeat
        process.town.note(process.name, "create failed", error)
        process.town.loop.call_outside(0.01, _refuse, answer)
    else:
        process.town.loop.call_outside(process.town.loop.moment(), _tell, answer, created.task_id)


async def _cancel(process: Process, caller: Caller, task: str) -> None:
    try:
        told = await process.operations.cancel(caller, task)
    except Exception as error:  # noqa: BLE001 - nobody promised that it works
        process.town.note(process.name, "cancel failed", error)
    else:
        process.town.note(process.name, "cancel", task, told.value)


def _tell(answer: "asyncio.Future[str]", task: str) -> None:
    if not answer.done():
        answer.set_result(task)


def _refuse(answer: "asyncio.Future[str]") -> None:
    if not answer.done():
        answer.set_exception(ConnectionError("simulated: HTTP 500"))


def told_the_end(receivers: list[Receiver], task: str) -> str | None:
    """What the client heard of how its task ended."""
    return next((r.heard[task][END_NUMBER] for r in receivers if END_NUMBER in r.heard.get(task, {})), None)
