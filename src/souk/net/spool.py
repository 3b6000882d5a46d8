"""A download on its way to disk: bounded memory, hashed as it is written, gone if it fails."""

import asyncio
import hashlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

BUFFER_BYTES = 1024 * 1024


class Spool:
    """Writes a new file in blocks of 1 MiB, each on a thread.

    Leaving the block with an error removes the file. Syncing is the storage's business, not the spool's.
    What has ``small`` bytes or fewer in the end is not written at all, but left in :attr:`data`.
    """

    def __init__(self, path: Path, small: int = 0) -> None:
        self.size = 0
        self.data: bytes | None = None
        self._small = small
        self._path = path
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._file: BinaryIO
        self._opened = False

    @property
    def sha256(self) -> str:
        """Hex digest of what was written so far; whole once the block was left."""
        return self._hash.hexdigest()

    async def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self._buffer += piece
        if len(self._buffer) >= BUFFER_BYTES:
            await self._flush()

    async def __aenter__(self) -> Self:
        if not self._small:
            self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        whole = False
        try:
            if kind is None:
                await self._end()
                whole = True
        finally:
            if self._opened:
                self._file.close()
                if not whole:
                    self._path.unlink(missing_ok=True)

    async def _end(self) -> None:
        if not self._opened and 0 < self.size <= self._small:
            self.data = bytes(self._buffer)
            self._hash.update(self.data)
        else:
            await self._flush()

    async def _flush(self) -> None:
        block, self._buffer = bytes(self._buffer), bytearray()
        if not self._opened:
            self._open()
        await asyncio.to_thread(self._store, block)

    def _open(self) -> None:
        # Not on a thread: a cancelled caller would leave the file open with nobody to close it.
        self._file, self._opened = self._path.open("wb"), True

    def _store(self, block: bytes) -> None:
        self._hash.update(block)
        self._file.write(block)
        self._file.flush()
