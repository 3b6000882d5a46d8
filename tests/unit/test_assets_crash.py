"""``kill -9`` while files are being stored: every row's file is whole, and the sweep removes the rest."""

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from souk.assets.disk import OWNER
from souk.assets.retention import sweep
from souk.store import assets
from souk.store.database import Connection
from souk.store.statement import Statement
from tests.clock import HandClock
from tests.conftest import ROOT
from tests.unit.shelf import open_shelf

ROWS_BEFORE_THE_KILL = 150

_PATHS = Statement("SELECT path FROM assets")


def filled_until_killed(url: str, folder: Path) -> list[str]:
    """The paths the process said were stored before it was killed."""
    command = [sys.executable, "-m", "tests.unit.shelf_filler", url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(ROWS_BEFORE_THE_KILL)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split("\n")[:-1]
    assert process.returncode == -signal.SIGKILL
    return told


def paths_of(connection: Connection) -> list[str]:
    return [row[0] for row in connection.run(_PATHS)]


def stored_files(folder: Path) -> set[str]:
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return files - {OWNER}


async def test_killed_process_leaves_no_row_without_its_file(migrated_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    told = filled_until_killed(migrated_url, folder)
    async with open_shelf(migrated_url, tmp_path) as shelf:
        await shelf.settle()
        paths = paths_of(shelf.connection)
        rows = assets.find(shelf.connection, paths)
        assert set(told) <= set(rows)
        for path, row in rows.items():
            assert hashlib.sha256(await shelf.read(path)).hexdigest() == row.sha256
        # What the kill cut off: bytes under their final name or in scratch, but no row.
        (folder / ".scratch" / "cut-off").write_bytes(b"half")
        await shelf.put_bytes("seg/stored-but-no-row", b"whole")
        clock = HandClock(time.time_ns() // 1_000_000)
        clock.advance(2 * 3600)
        counts = await sweep(shelf.lane, shelf.reads, shelf.storage, clock)
    assert counts.orphans >= 1
    assert counts.scratch >= 1
    assert stored_files(folder) == set(rows)
