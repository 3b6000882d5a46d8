"""A node's slot: a lock the operating system holds for a process, so that a restart knows its predecessor is dead."""

import fcntl
import os
import secrets
import socket
from pathlib import Path
from typing import IO

MAX_SLOTS = 256
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SlotLock:
    """The first free slot of a folder. Dropped by the system when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file, number = _first_free(folder)
        os.utime(self._file.fileno())
        self.first = number == 0
        """No other process of this folder was running."""
        self.name = f"{_machine()}:{folder.absolute()}:{_mark_of(folder)}:{number}"
        """The same name means the same lock file, locked through the same kernel."""

    def release(self) -> None:
        self._file.close()


class AllSlotsTaken(Exception):
    """Every slot of the folder is held by a running process."""


def any_taken(folder: Path) -> bool:
    """Whether some process holds a slot of this folder."""
    for path in folder.glob("slot-*.lock"):
        with path.open("a") as file:
            if not _try_lock(file):
                return True
    return False


def held_since(folder: Path) -> float | None:
    """When the process took its slot that has held one of this folder longest, in seconds; None if none holds one."""
    since: list[float] = []
    for path in folder.glob("slot-*.lock"):
        with path.open("a") as file:
            if not _try_lock(file):
                since.append(path.stat().st_mtime)
    return min(since, default=None)


def _machine() -> str:
    """What no two machines share, however alike they are named; containers on one machine do."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return socket.gethostname()


def _mark_of(folder: Path) -> str:
    """A random word that lies in the folder: many containers know theirs by the same path."""
    path = folder / "mark"
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        mark = file.read()
        if not mark:
            mark = secrets.token_hex(8)
            file.write(mark)
        return mark


def _first_free(folder: Path) -> tuple[IO[str], int]:
    for number in range(MAX_SLOTS):
        file = (folder / f"slot-{number}.lock").open("a")
        if _try_lock(file):
            os.set_inheritable(file.fileno(), False)
            return file, number
        file.close()
    raise AllSlotsTaken(f"all {MAX_SLOTS} slots in {folder} are taken")


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
