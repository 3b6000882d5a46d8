"""What makes written files survive a power cut."""

import os
from pathlib import Path

_FULL_SYNC = 51  # F_FULLFSYNC on macOS, where fsync does not reach the platter
_IS_MAC = os.uname().sysname == "Darwin"


def sync(descriptor: int) -> None:
    """Return when the bytes of an open file, or the names in an open folder, are on the disk. Raises OSError."""
    if _IS_MAC:
        import fcntl

        fcntl.fcntl(descriptor, _FULL_SYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def write_new(place: Path, data: bytes) -> None:
    """Write a synced file under its final name at once; its folder is not synced. Raises OSError, and leaves nothing.

    For files nobody reads before a row tells of them: half of one is an orphan.
    """
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
