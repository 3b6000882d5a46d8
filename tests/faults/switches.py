"""What can be wrong with a machine, switched on and off while a server of ours runs on it.

The server process (:mod:`tests.faults.server`) reads the switches from files of one folder; production code knows
nothing of them. ``clock`` holds seconds by which the machine's clock is off; ``full`` exists while the disk is full.
"""

import errno
import os
from pathlib import Path
from typing import Any

from souk.assets import disk
from souk.assets.small import SmallFiles
from souk.callbacks import schedule
from souk.clock import SystemClock
from souk.net.spool import Spool
from souk.store import database
from souk.store.database import SqliteConnection
from souk.words import Millis


class Switches:
    """The side that turns them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def set_clock(self, seconds: float) -> None:
        """From now on the machine's clock is this much ahead of the real one."""
        draft = self._folder / "draft"
        draft.write_text(str(seconds))
        draft.replace(self._folder / "clock")

    def set_disk_full(self, full: bool) -> None:
        """Whether the disk takes another byte."""
        if full:
            (self._folder / "full").touch()
        else:
            (self._folder / "full").unlink(missing_ok=True)


def obey(folder: Path) -> None:
    """Let this process's clock and disk follow the switches of a folder."""
    _shift_clock(folder / "clock")
    _fill_disk(folder / "full")


def shorten_days(factor: float) -> None:
    """Let three days of tries pass in a moment: the pauses between them are so many times shorter."""
    schedule.DELAYS = tuple(delay / factor for delay in schedule.DELAYS)  # pyright: ignore[reportAttributeAccessIssue]


def end_stalled(seconds: float) -> None:
    """Let PostgreSQL end a transaction whose process was stopped in the middle after so long."""
    database._STALLED = f"SET idle_in_transaction_session_timeout = '{seconds:g}s'"


def _shift_clock(told: Path) -> None:
    now = SystemClock.now

    def shifted(clock: SystemClock) -> Millis:
        try:
            return Millis(now(clock) + int(float(told.read_text()) * 1000))
        except FileNotFoundError:
            return now(clock)

    SystemClock.now = shifted  # pyright: ignore[reportAttributeAccessIssue] - the same, shifted


def _fill_disk(full: Path) -> None:
    """Files cannot be written or synced, and SQLite finds no page to grow by: its own error, not one made up."""
    sync, put, store, begin = disk.sync, SmallFiles.put, Spool._store, SqliteConnection.begin

    def no_room() -> None:
        if full.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def syncing(descriptor: int) -> None:
        no_room()
        sync(descriptor)

    async def putting(files: SmallFiles, data: bytes, place: Path) -> None:
        no_room()
        await put(files, data, place)

    def storing(spool: Spool, block: bytes) -> None:
        no_room()
        store(spool, block)

    def beginning(connection: SqliteConnection) -> None:
        raw: Any = connection._raw
        pages = raw.execute("PRAGMA page_count").fetchone()[0] if full.exists() else 1 << 30
        raw.execute(f"PRAGMA max_page_count={pages}")
        begin(connection)

    disk.sync = syncing  # pyright: ignore[reportAttributeAccessIssue] - the same, on a disk that may be full
    SmallFiles.put = putting  # pyright: ignore[reportAttributeAccessIssue]
    Spool._store = storing  # pyright: ignore[reportAttributeAccessIssue]
    SqliteConnection.begin = beginning  # pyright: ignore[reportAttributeAccessIssue]
