"""Where file bytes live: the port every room stores through. A result is in here before its task succeeds.

Keys look like links: ``<account segment>/<file name>``. A stored file is never changed and never overwritten.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from souk.words import Millis

_PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_KEY = re.compile(rf"{_PART}(/{_PART})+")
MAX_KEY_CHARACTERS = 512
MAX_PART_CHARACTERS = 200


class StorageError(Exception):
    """The storage could not do it, for a reason outside Souk: disk full, no permission, not reachable."""


class Missing(StorageError):
    """There is no file under this key."""


class Unreachable(StorageError):
    """The storage is away or overloaded: the same call may well succeed a little later."""


class BadKey(ValueError):
    """A key that names no place in the storage."""


@dataclass(frozen=True, slots=True)
class StorageStats:
    """Counters since the process started, and how much room is left."""

    puts: int
    put_bytes: int
    deletes: int
    free_bytes: int | None
    """None where the storage has no fixed size."""


def check_key(key: str) -> str:
    """The key, if it is one: at least two parts of plain letters, none of them hidden. Raises BadKey."""
    parts = key.split("/")
    if (
        len(key) > MAX_KEY_CHARACTERS
        or _KEY.fullmatch(key) is None
        or any(len(part) > MAX_PART_CHARACTERS for part in parts)
    ):
        raise BadKey(f"{key[:80]!r} is not a storage key")
    return key


class Storage(Protocol):
    """Durable files under keys. Raises StorageError, Missing or BadKey; never blocks the event loop."""

    async def scratch(self) -> Path:
        """A fresh path on local disk for a file on its way in, from where putting it is cheap."""
        ...

    async def put_file(self, path: Path, key: str) -> None:
        """Move a file in, for good: when this returns, a power cut cannot undo it. ``path`` is used up."""
        ...

    def open_range(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        """The file's bytes from ``start`` on, in pieces. Missing is raised before the first piece."""
        ...

    async def copy_to(self, key: str, path: Path) -> None:
        """Make a file's bytes readable at a new local path. The reader must not write there."""
        ...

    async def exists(self, key: str) -> bool: ...

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove files; those already gone are passed over."""
        ...

    def list_older_than(self, moment: Millis) -> AsyncGenerator[list[str]]:
        """Keys of files that were put before a moment, in batches of no particular order."""
        ...

    async def clear_scratch(self, moment: Millis) -> int:
        """Remove scratch files nobody wrote to since a moment; how many there were."""
        ...

    async def owner(self) -> str | None:
        """The installation these files were stored by, as :meth:`claim` noted it; None if it did not."""
        ...

    async def claim(self, installation: str) -> None:
        """Note for good whose files these are, whoever's they were."""
        ...

    def direct_link(self, key: str, seconds: int, answer: Mapping[str, str]) -> str | None:
        """An address at which anybody may GET a file from the storage itself for so many seconds.

        ``answer`` are headers the storage is to answer with. None where it serves nobody but Souk.
        """
        ...

    async def stats(self) -> StorageStats: ...

    async def close(self) -> None: ...
