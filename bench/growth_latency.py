"""How long operations take with a past and without: one process does each on both in turn, so that noise hits both."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.growth_cost import NODE
from bench.growth_fill import Past
from bench.servers import KEY
from souk.engine.steps import CLAIM, JOIN, LEAVE, Claim, Join, Lap
from souk.house import House
from souk.operations.types import Caller, Draft
from souk.settings import Settings
from souk.words import TaskId

ROUNDS = 1_000
WARM_UP = 50
DRAFT = Draft("nano-banana-2", {"prompt": "a lantern over the harbour"}, "jobs")
OPERATIONS = ("create", "claim", "record", "record of old", "list", "list of failed")

Times = dict[str, list[float]]


@dataclass
class Side:
    """One of the two installations."""

    house: House
    caller: Caller
    past: Past
    made: TaskId | None = None
    """The newest task."""

    @classmethod
    async def of(cls, house: House, past: Past) -> Self:
        now = house.clock.now()
        await house.lane.write(JOIN, Join(NODE, NODE, now, now + 3_600_000))
        return cls(house, await house.operations.authenticate(KEY, "127.0.0.1"), past)

    def operation(self, name: str, turn: int) -> Awaitable[object]:
        act: Callable[[], Awaitable[object]] = {
            "create": self._create,
            "claim": self._claim,
            "record": lambda: self.house.operations.record(self.caller, self.made or ""),
            "record of old": lambda: self.house.operations.record(self.caller, self._one(turn)),
            "list": lambda: self.house.operations.list(self.caller, limit=20),
            "list of failed": lambda: self.house.operations.list(self.caller, limit=20, state="fail"),
        }[name]
        return act()

    async def _create(self) -> None:
        self.made = (await self.house.operations.create(self.caller, DRAFT)).task_id

    async def _claim(self) -> None:
        claim = Claim(NODE, 1, self.house.clock.now() + 1, Lap(), 0)
        claimed = await self.house.lane.write(CLAIM, claim)
        if not claimed.tasks:
            raise RuntimeError("there was nothing to claim")

    def _one(self, turn: int) -> str:
        """A task from anywhere in the past, whose pages are as likely on the disk as in memory."""
        return self.past.id_of(turn * 7_919_777 % self.past.count)


async def compare(
    empty: tuple[Settings, Past], full: tuple[Settings, Past], rounds: int = ROUNDS
) -> tuple[Times, Times]:
    """Milliseconds of each operation, on the empty installation and on the full one."""
    async with AsyncExitStack() as stack:
        sides: list[Side] = []
        for settings, behind in (empty, full):
            house = await House.open(settings, engine=False, env={})
            stack.push_async_callback(house.close)
            side = await Side.of(house, behind)
            stack.push_async_callback(house.lane.write, LEAVE, NODE)
            sides.append(side)
        times: tuple[Times, Times] = ({}, {})
        for turn in range(-WARM_UP, rounds):
            for name in OPERATIONS:
                # Who comes first changes: the second may find the machine warmer.
                for which in (0, 1) if turn % 2 else (1, 0):
                    started = time.perf_counter()
                    await sides[which].operation(name, turn)
                    if turn >= 0:
                        took = (time.perf_counter() - started) * 1000
                        times[which].setdefault(name, []).append(took)
    return times


def settings_of(folder: Path, url: str) -> Settings:
    """Those of a process beside the servers of a bench."""
    return Settings.model_validate(
        {
            "data_dir": folder,
            "api_key": KEY,
            "initial_credits": 1e9,
            "max_waiting": 0,
            **({"database_url": url} if url.startswith("postgresql:") else {}),
        }
    )
