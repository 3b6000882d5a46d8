"""Small files on their way to the disk: handed to a child process, which writes and syncs them.

A thread that makes a call of the system gives Python's lock away and has to win it back from a busy event loop, which
costs more than the call: with threads of this process, a server that was busy ended a fifth fewer tasks a second.
"""

import asyncio
import errno
import os
import sys
from pathlib import Path
from typing import Final, Protocol, cast, runtime_checkable

from souk.assets.writer import ANSWER, FRAME

SMALL_BYTES: Final = 128 * 1024
MOST_UNDERWAY: Final = 64
"""Files the child has at once; others wait here."""
WRITER: Final = "souk.assets.writer"
PASSED_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8")
"""What the child needs to start and to spell names of files as we do. Keys are not among it."""


@runtime_checkable
class TakesBytes(Protocol):
    """A storage that takes small files as bytes."""

    async def put_bytes(self, data: bytes, key: str) -> None:
        """Keep a file for good: when this returns, a power cut cannot undo it. Raises StorageError or BadKey."""
        ...


class WriterGone(OSError):
    """The child ended before it had written the file."""

    def __init__(self) -> None:
        super().__init__(errno.EPIPE, "the process that writes files ended")


class SmallFiles:
    """Writes files that nobody knows of yet. The child starts with the first of them, and anew when it died."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(MOST_UNDERWAY)
        self._starting = asyncio.Lock()
        self._child: _Child | None = None
        self._closed = False

    async def put(self, data: bytes, place: Path) -> None:
        """Write a new file into a folder that exists. Raises OSError; nothing is left of it then."""
        async with self._room:
            error = await (await self._running()).write(data, place)
        if error:
            raise OSError(error, os.strerror(error))

    async def close(self) -> None:
        """Let the child write what it has, and wait for its end."""
        async with self._starting:
            self._closed = True
            if self._child is not None:
                await self._child.end()

    async def _running(self) -> "_Child":
        if (child := self._child) is not None and not child.gone.done():
            return child
        async with self._starting:
            if self._closed:
                raise WriterGone
            if self._child is None or self._child.gone.done():
                self._child = await _Child.start()
            return self._child


class _Child(asyncio.SubprocessProtocol):
    """The process, and who waits for which file."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._number = 0
        self._told = b""
        self._transport: asyncio.SubprocessTransport
        self.gone = self._loop.create_future()
        """Done when the process has ended."""

    @classmethod
    async def start(cls) -> "_Child":
        """Raises OSError."""
        command = (sys.executable, "-S", "-P", "-m", WRITER)  # the standard library is all it needs
        environment = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        _, child = await asyncio.get_running_loop().subprocess_exec(
            cls,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None,
            env=environment,
        )
        return child

    async def write(self, data: bytes, place: Path) -> int:
        """The system's number for what went wrong, or 0. Raises WriterGone."""
        path = os.fsencode(place)
        self._number = (self._number + 1) % (1 << 32)
        answer = self._waiting[self._number] = self._loop.create_future()
        stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        stdin.writelines((FRAME.pack(self._number, len(path), len(data)), path, data))
        return await answer

    async def end(self) -> None:
        """Close its stdin, and wait until it has gone."""
        if (stdin := self._transport.get_pipe_transport(0)) is not None:
            stdin.close()
        await self.gone

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - there is one pipe to read
        told = self._told + data
        whole = len(told) - len(told) % ANSWER.size
        self._told = told[whole:]
        for number, error in ANSWER.iter_unpack(told[:whole]):
            answer = self._waiting.pop(number)
            if not answer.done():
                answer.set_result(error)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone either way
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(WriterGone())
        self._waiting.clear()
        self._transport.close()
        self.gone.set_result(None)
