"""Small files on their way to the disk: one thread writes all that wait, and syncs their folder once for all of them.

A thread that makes a call of the system gives Python's lock away and has to win it back from a busy event loop, which
costs more than the call. A small file that went its own way, by scratch, hash, look and link, made forty of them:
with four, a whole task took 2.3 ms of CPU where it had taken 3.6.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

SMALL_BYTES: Final = 128 * 1024
MOST_IN_A_ROW: Final = 32
"""Files one thread writes before the first of them is told of."""


@runtime_checkable
class TakesBytes(Protocol):
    """A storage that takes small files as bytes."""

    async def put_bytes(self, data: bytes, key: str) -> None:
        """Keep a file for good: when this returns, a power cut cannot undo it. Raises StorageError or BadKey."""
        ...


@dataclass(slots=True)
class _Waiting:
    data: bytes
    place: Path
    written: "asyncio.Future[None]"
    error: OSError | None = None


class SmallFiles:
    """Writes files that nobody knows of yet, up to ``threads`` rows of them at once.

    ``ready`` makes a folder that is to hold some, for good; ``sync`` syncs an open file, ``sync_folder`` the names in a
    folder. All of them block.
    """

    def __init__(
        self,
        executor: Executor,
        threads: int,
        *,
        ready: Callable[[Path], None],
        sync: Callable[[int], None],
        sync_folder: Callable[[Path], None],
    ) -> None:
        self._executor = executor
        self._threads = threads
        self._ready = ready
        self._sync = sync
        self._sync_folder = sync_folder
        self._waiting: list[_Waiting] = []
        self._rows = 0
        """Being written."""
        self._called = False

    async def put(self, data: bytes, place: Path) -> None:
        """Write a new file. Raises OSError; what is there of it then is removed."""
        loop = asyncio.get_running_loop()
        one = _Waiting(data, place, loop.create_future())
        self._waiting.append(one)
        if not self._called:
            self._called = True
            loop.call_soon(self._begin, loop)
        await one.written

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._called = False
        while self._waiting and self._rows < self._threads:
            row, self._waiting = self._waiting[:MOST_IN_A_ROW], self._waiting[MOST_IN_A_ROW:]
            self._rows += 1
            self._executor.submit(self._write, loop, row)

    def _write(self, loop: asyncio.AbstractEventLoop, row: list[_Waiting]) -> None:
        for one in row:
            try:
                self._ready(one.place.parent)
                _write_new(one.place, one.data, self._sync)
            except OSError as error:
                one.error = error
        for folder in {one.place.parent for one in row if one.error is None}:
            try:
                self._sync_folder(folder)
            except OSError as error:
                for one in row:
                    one.error = one.error or error
        loop.call_soon_threadsafe(self._end, loop, row)

    def _end(self, loop: asyncio.AbstractEventLoop, row: list[_Waiting]) -> None:
        self._rows -= 1
        self._begin(loop)
        for one in row:
            if one.written.done():
                continue
            if one.error is None:
                one.written.set_result(None)
            else:
                one.written.set_exception(one.error)


def _write_new(place: Path, data: bytes, sync: Callable[[int], None]) -> None:
    """Write under the final name at once: nobody reads a file before a row tells of it; half of one is an orphan."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        sync(descriptor)
    except OSError:
        place.unlink()
        raise
    finally:
        os.close(descriptor)
