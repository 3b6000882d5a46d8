"""Storage in memory, shared by all simulated processes, that is slow or away when fate says so."""
# ruff: noqa: ASYNC240 - one thread does all: nobody waits for it meanwhile

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from itertools import count
from pathlib import Path

from souk.assets.storage import Missing, StorageError, StorageStats
from souk.words import Millis
from tests.simulation.clock import EPOCH
from tests.simulation.loop import SimLoop


class Shelves:
    """What is stored, and since when, in milliseconds by the storage's own clock."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.files: dict[str, tuple[bytes, int]] = {}
        self.away = False
        self.slow = 0.0
        self._numbers = count()

    def now(self) -> int:
        return EPOCH + int(self.loop.time() * 1000)


class SimStorage:
    """:class:`souk.assets.storage.Storage` of one process, with its scratch folder."""

    def __init__(self, shelves: Shelves, scratch: Path) -> None:
        self._shelves = shelves
        self._scratch = scratch
        self._numbers = count()

    async def scratch(self) -> Path:
        return self._scratch / f"scratch-{next(self._numbers)}"

    async def put_file(self, path: Path, key: str) -> None:
        await self._reached()
        self._shelves.files[key] = (path.read_bytes(), self._shelves.now())
        path.unlink()
        await asyncio.sleep(self._shelves.loop.moment())

    async def open_range(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        if key not in self._shelves.files:
            raise Missing(key)
        yield self._shelves.files[key][0][start:][:length]

    async def copy_to(self, key: str, path: Path) -> None:
        async for piece in self.open_range(key):
            path.write_bytes(piece)

    async def exists(self, key: str) -> bool:
        return key in self._shelves.files

    async def delete(self, keys: Iterable[str]) -> None:
        await self._reached()
        for key in keys:
            self._shelves.files.pop(key, None)

    async def list_older_than(self, moment: Millis) -> AsyncGenerator[list[str]]:
        await self._reached()
        yield [key for key, (_, put_at) in self._shelves.files.items() if put_at < moment]

    async def clear_scratch(self, moment: Millis) -> int:
        return 0

    async def owner(self) -> str | None:
        return "simulated"

    async def claim(self, installation: str) -> None: ...

    def direct_link(self, key: str, seconds: int, answer: Mapping[str, str]) -> str | None:
        return None

    async def stats(self) -> StorageStats:
        return StorageStats(0, 0, 0, None)

    async def close(self) -> None: ...

    async def _reached(self) -> None:
        await asyncio.sleep(self._shelves.slow + self._shelves.loop.moment())
        if self._shelves.away:
            raise StorageError("simulated: HTTP 503")
