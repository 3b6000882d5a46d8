"""Scratch space on the local disk: where a file lies while it comes in, before any storage has it."""

import os
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

from souk.words import Millis


class Scratch:
    """A folder of files on their way in. Any number of processes may share it. Its calls block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Chance for every path would be a call of the system for files that mostly are never made.
        self._ours = uuid4().hex
        self._numbers = count()

    def place(self) -> Path:
        """A fresh path."""
        return self.folder / f"{self._ours}-{next(self._numbers)}"

    def clear(self, moment: Millis) -> int:
        """Remove the files nobody wrote to since a moment; how many there were. Raises OSError."""
        return remove(files_before(self.folder, moment / 1000))


def remove(paths: Iterable[Path]) -> int:
    """Delete files; how many there were. Those already gone are passed over. Raises OSError."""
    removed = 0
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        removed += 1
    return removed


def files_before(folder: Path, seconds: float) -> Iterator[Path]:
    """The files right in a folder that were last written before a moment; vanished ones are passed over."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < seconds:
                    yield Path(entry.path)
            except FileNotFoundError:
                continue
