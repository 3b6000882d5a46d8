"""A Souk whose upstream is another Souk: what KIE.AI's users see when only the base URL of theirs has changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from souk.catalog.load import load_catalog
from tests.wire.serving import KEY, Souk, open_souk

QUICK = {model: {"usual_seconds": 0.2} for model in load_catalog().models}
"""Tasks of the far Souk take a moment; the near one need not wait as for the real service."""


@dataclass
class Bridge:
    """Two Souks, one behind the other."""

    near: Souk
    far: Souk

    async def connections(self, task_id: str) -> list[str]:
        """Where the attempts of a task of the near Souk went."""
        caller = await self.near.house.operations.authenticate(KEY, "127.0.0.1")
        story = await self.near.house.operations.story(caller, task_id)
        assert story is not None
        return [attempt.connection for attempt in story.attempts]


@asynccontextmanager
async def bridge(folder: Path, **settings: Any) -> AsyncIterator[Bridge]:
    """The far Souk runs tasks in its sandbox; the near one, with these settings, has nothing but a key to it."""
    async with open_souk(folder / "far", engine=True, initial_credits=100_000) as far:
        env = {"KIE_API_KEY": far.client.key, "SOUK_KIE_BASE_URL": far.client.url}
        async with open_souk(
            folder / "near", engine=True, env=env, models=QUICK, initial_credits=100_000, **settings
        ) as near:
            yield Bridge(near, far)
