"""Clients of a server that may die at any moment: they create tasks, repeat what got no answer, remember what did."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp

from tests.faults.process import API_KEY

CREATE = "/api/v1/jobs/createTask"
MODEL = "z-image"
LIES = (
    *([""] * 8),
    "[up:slow=0.4]",
    "[up:slow=1.5]",
    "[up:slow-create=0.3]",
    "[up:slow-create=0.3]",
    "[up:file-slow=0.3]",
    "[up:drop-after-accept]",
    "[up:drop-before-accept]",
    "[up:500-after-accept]",
    "[up:truncated]",
    "[up:no-id]",
    "[up:html]",
    "[up:refuse=422]",
    "[up:429=1]",
    "[up:fail=500]",
    "[up:moderated]",
    "[up:html-while-polling=2]",
    "[up:404-while-polling=2]",
    "[up:other-while-polling=1]",
    "[up:backwards][up:slow=0.5]",
    "[up:unknown-state=2]",
    "[up:no-file=2]",
    "[up:file-404-once]",
)
UNCLEAR = ("drop-after-accept", "drop-before-accept", "500-after-accept", "truncated", "no-id", "html]")
"""After these lies nobody knows whether the upstream took the task."""
FAILING = ("refuse=", "[up:fail=", "moderated")
"""After these, the upstream refused the task or failed it for sure."""


@dataclass(frozen=True)
class Made:
    """A task whose create was answered with code 200."""

    task_id: str
    marker: str
    """In its prompt and in no other task's."""
    lie: str
    sandbox: bool


@dataclass
class Load:
    """Some clients at work. ``made`` grows by every create that was answered."""

    url: str
    callback_url: str
    sandbox_key: str = ""
    chance: Random = field(default_factory=Random)
    made: list[Made] = field(default_factory=list[Made])
    repeated: int = 0
    """Creates that had to be sent again because no answer came."""

    async def create(self, lie: str = "", *, sandbox: bool = False) -> Made:
        """Create one task of the model that most tests use."""
        marker = uuid4().hex
        input = {"prompt": f"{marker} {lie}".strip(), "aspect_ratio": "1:1"}
        key = self.sandbox_key if sandbox else API_KEY
        task_id = await self.sent(CREATE, {"model": MODEL, "input": input}, marker, key)
        made = Made(task_id, marker, lie, sandbox)
        self.made.append(made)
        return made

    async def sent(self, path: str, body: dict[str, Any], marker: str, key: str = API_KEY) -> str:
        """The id of a new task, however long that takes; every repeat carries the same Idempotency-Key."""
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": marker}
        told = {**body, "callBackUrl": self.callback_url}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while (answer := await self._asked(session, path, told, headers)) is None:
                self.repeated += 1
                await asyncio.sleep(0.05)
        if answer["code"] != 200:
            raise AssertionError(f"a create was refused: {answer}")
        return answer["data"]["taskId"]

    async def go_on(self, until: asyncio.Event, *, pause: float) -> None:
        """One client: a task now and then, until told to end."""
        while not until.is_set():
            sandbox = bool(self.sandbox_key) and self.chance.random() < 0.05
            await self.create("" if sandbox else self.chance.choice(LIES), sandbox=sandbox)
            await asyncio.sleep(pause * self.chance.random() * 2)

    async def create_all(self, lies: Iterable[str]) -> None:
        await asyncio.gather(*(self.create(lie) for lie in lies))

    async def _asked(
        self, session: aiohttp.ClientSession, path: str, body: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, Any] | None:
        """The answer; None when there was none, or one that says to come again."""
        try:
            async with session.post(f"{self.url}{path}", json=body, headers=headers) as answer:
                said = json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        return None if said.get("code") in (429, 455, 500, 503) else said
