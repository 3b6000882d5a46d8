"""What the engine tests share: a house with an engine over a database, on fake upstreams, and a way to look inside."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from souk.accounts.verify import verify
from souk.clock import Clock, SystemClock
from souk.config import Config
from souk.engine.engine import Engine
from souk.house import House
from souk.operations.records import Record
from souk.operations.stories import Story
from souk.operations.types import Caller, Draft
from souk.settings import Settings
from souk.store.statement import Statement
from souk.words import Millis, Mode, Scope, TaskId
from tests.upstreams.kie import KEY, FakeKie

API_KEY = "test-key-of-the-first-account"
MODEL = "z-image"
QUICK = {MODEL: {"usual_seconds": 0.2}}
"""Polled from the first moment, so that no test waits for a usual duration to pass."""


class ShiftedClock(SystemClock):
    """The machine's time, moved ahead."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def shift(self, seconds: float) -> None:
        self._ahead += seconds

    def now(self) -> Millis:
        return Millis(super().now() + int(self._ahead * 1000))


@dataclass
class Running:
    """A house and the caller of its first account."""

    house: House
    caller: Caller

    @property
    def engine(self) -> Engine:
        assert self.house.engine is not None
        return self.house.engine

    async def create(self, prompt: str = "a tram", *, caller: Caller | None = None, **draft: Any) -> TaskId:
        given = {"prompt": prompt, "aspect_ratio": "1:1"}
        created = await self.house.operations.create(
            caller or self.caller, Draft(MODEL, given, "jobs", **draft)
        )
        return created.task_id

    async def record(self, task_id: TaskId, caller: Caller | None = None) -> Record:
        record = await self.house.operations.record(caller or self.caller, task_id)
        assert record is not None
        return record

    async def ended(self, task_id: TaskId, caller: Caller | None = None, seconds: float = 20) -> Record:
        """The task's record once it has ended."""
        return await self.reached(task_id, "success", "fail", caller=caller, seconds=seconds)

    async def reached(
        self, task_id: TaskId, *states: str, caller: Caller | None = None, seconds: float = 20
    ) -> Record:
        """The task's record once it is in one of these inner states."""
        async with asyncio.timeout(seconds):
            record = await self.record(task_id, caller)
            while record.inner_state not in states:
                await asyncio.sleep(0.01)
                record = await self.record(task_id, caller)
            return record

    async def story(self, task_id: TaskId) -> Story:
        story = await self.house.operations.story(self.caller, task_id)
        assert story is not None
        return story

    async def verdicts(self, task_id: TaskId) -> list[tuple[str, str | None]]:
        """Connection and verdict of every attempt, in order."""
        return [(attempt.connection, attempt.verdict) for attempt in (await self.story(task_id)).attempts]

    async def sql(self, text: str, **params: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement run behind everyone's back; changes are committed."""

        def run() -> list[tuple[Any, ...]]:
            connection = self.house.database.connect()
            try:
                return connection.run(Statement(text), params)
            finally:
                connection.close()

        return await asyncio.to_thread(run)

    async def balance(self) -> int:
        return await self.house.operations.balance(self.caller)

    async def problems(self) -> list[str]:
        """What a verification of the ledger finds."""
        return (await self.house.reads.run(verify)).problems

    async def account(self, name: str, *, credits: int = 10_000_000, **limits: Any) -> Caller:
        """A caller of a new account."""
        admin = self.house.admin("test")
        await admin.accounts.create(name)
        await admin.credits.grant(name, Mode.LIVE, credits, "for tests")  # type: ignore[arg-type]
        for column, value in limits.items():
            update = f"UPDATE accounts SET {column} = :value WHERE name = :name"  # noqa: S608 - our own names
            await self.sql(update, value=value, name=name)
        key = await admin.keys.create(name, "key", mode=Mode.LIVE, scope=Scope.USER)
        return await self.house.operations.authenticate(key.text, "127.0.0.1")

    async def sandbox_caller(self) -> Caller:
        made = await self.house.admin("test").keys.create(
            "main", "sandbox", mode=Mode.SANDBOX, scope=Scope.USER
        )
        return await self.house.operations.authenticate(made.text, "127.0.0.1")


@asynccontextmanager
async def running(
    folder: Path,
    database_url: str,
    *upstreams: FakeKie,
    engine: bool = True,
    clock: Clock | None = None,
    models: dict[str, Any] | None = None,
    further: dict[str, Any] | None = None,
    connections: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    """A house whose connections are these upstreams, named ``one``, ``two`` … in order.

    ``models`` changes the one model most tests use; ``further`` are models to add.
    """
    config = Config(
        models={MODEL: QUICK[MODEL] | (models or {}), **(further or {})},
        connections=[
            {"name": name, "provider": "kie", "api_key": KEY, "base_url": upstream.url, **(connections or {})}
            for name, upstream in zip(("one", "two", "three"), upstreams, strict=False)
        ],
    )
    given = {
        "data_dir": folder / "data",
        "database_url": database_url,
        "api_key": API_KEY,
        "secret_key": "a secret key that all nodes of a test share",
        "sandbox_workers": 1,
        "drain_seconds": 0,
        **settings,
    }
    house = await House.open(Settings.model_validate(given), config, engine=engine, clock=clock, env={})
    try:
        yield Running(house, await house.operations.authenticate(API_KEY, "127.0.0.1"))
    finally:
        await house.close()


async def until(holds: Callable[[], Any], seconds: float = 20) -> None:
    """Wait for something that sends no event."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in another thread or process
            await asyncio.sleep(0.01)


def prompts(upstream: FakeKie) -> Sequence[str]:
    """What an upstream accepted, in order."""
    return [submit.prompt for submit in upstream.submits]
