"""``kill -9`` while files are being stored: every row's file is whole, and the sweep removes the rest."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from souk.assets.bucket.place import Bucket
from souk.assets.retention import sweep
from souk.store import assets
from souk.store.database import Connection
from souk.store.statement import Statement
from souk.words import Millis
from tests.clock import HandClock
from tests.conftest import ROOT
from tests.objectstore import settings_of
from tests.unit.shelf import Shelf, open_shelf

ROWS_BEFORE_THE_KILL = 150

_PATHS = Statement("SELECT path FROM assets")


@pytest.fixture(params=["disk", "bucket"])
def bucket(request: pytest.FixtureRequest) -> Bucket | None:
    return request.getfixturevalue("rclone").bucket() if request.param == "bucket" else None


def filled_until_killed(url: str, folder: Path, bucket: Bucket | None) -> list[str]:
    """The paths the process said were stored before it was killed."""
    command = [sys.executable, "-m", "tests.unit.shelf_filler", url, str(folder)]
    given = settings_of(bucket) if bucket else {}
    env = os.environ | {f"SOUK_{name.upper()}": value for name, value in given.items()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(ROWS_BEFORE_THE_KILL)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split("\n")[:-1]
    assert process.returncode == -signal.SIGKILL
    return told


def paths_of(connection: Connection) -> list[str]:
    return [row[0] for row in connection.run(_PATHS)]


async def stored_files(shelf: Shelf) -> set[str]:
    return {key async for keys in shelf.storage.list_older_than(Millis(1 << 52)) for key in keys}


async def test_killed_process_leaves_no_row_without_its_file(
    migrated_url: str, tmp_path: Path, bucket: Bucket | None
) -> None:
    told = filled_until_killed(migrated_url, tmp_path, bucket)
    async with open_shelf(migrated_url, tmp_path, bucket) as shelf:
        await shelf.settle()
        paths = paths_of(shelf.connection)
        rows = assets.find(shelf.connection, paths)
        assert set(told) <= set(rows)
        for path, row in rows.items():
            assert hashlib.sha256(await shelf.read(path)).hexdigest() == row.sha256
        # What the kill cut off: bytes under their final name or in scratch, but no row.
        (await shelf.storage.scratch()).write_bytes(b"half")
        await shelf.put_bytes("seg/stored-but-no-row", b"whole")
        clock = HandClock(time.time_ns() // 1_000_000)
        clock.advance(2 * 3600)
        counts = await sweep(shelf.lane, shelf.reads, shelf.storage, clock)
        assert counts.orphans >= 1
        assert counts.scratch >= 1
        assert await stored_files(shelf) == set(rows)
        assert list((await shelf.storage.scratch()).parent.iterdir()) == []
