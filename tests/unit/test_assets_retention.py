"""The sweep: expired files and orphaned bytes go, everything else stays."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from souk.assets.belonging import settle
from souk.assets.retention import SweepCounts, SweepLimits, sweep
from souk.store import accounts, assets
from tests.clock import HandClock
from tests.unit.shelf import SEGMENT, Shelf, open_shelf, path_to

HOUR = 3600


@pytest.fixture(params=["disk", "bucket"])
async def shelf(request: pytest.FixtureRequest, migrated_url: str, tmp_path: Path) -> AsyncIterator[Shelf]:
    bucket = request.getfixturevalue("rclone").bucket() if request.param == "bucket" else None
    async with open_shelf(migrated_url, tmp_path, bucket) as opened:
        # Files carry the machine's time, so the clock has to start there.
        opened.clock = HandClock(time.time_ns() // 1_000_000)
        await opened.settle()
        yield opened


async def swept(shelf: Shelf, limits: SweepLimits | None = None) -> SweepCounts:
    return await sweep(shelf.lane, shelf.reads, shelf.storage, shelf.clock, limits)


def has_row(shelf: Shelf, path: str) -> bool:
    return path in assets.find(shelf.connection, [path])


async def test_expired_file_goes_with_its_row(shelf: Shelf) -> None:
    expired = await shelf.put("old", b"x", expires_at=shelf.clock.now() + HOUR * 1000)
    kept = await shelf.put("new", b"y", expires_at=shelf.clock.now() + 9 * HOUR * 1000)
    shelf.clock.advance(2 * HOUR)
    assert await swept(shelf) == SweepCounts(expired=1, orphans=0, scratch=0)
    assert (has_row(shelf, expired.path), await shelf.storage.exists(expired.path)) == (False, False)
    assert (has_row(shelf, kept.path), await shelf.read(kept.path)) == (True, b"y")


async def test_expired_file_stays_a_moment_for_creates_that_saw_it(shelf: Shelf) -> None:
    row = await shelf.put("old", b"x", expires_at=shelf.clock.now() + 1000)
    shelf.clock.advance(2)
    assert (await swept(shelf)).expired == 0
    shelf.clock.advance(600)
    assert (await swept(shelf)).expired == 1
    assert not has_row(shelf, row.path)


async def test_sweep_goes_on_past_one_batch(shelf: Shelf) -> None:
    for number in range(7):
        await shelf.put(f"{number}", b"x", expires_at=1)
    assert (await swept(shelf, SweepLimits(look=3))).expired == 7


async def test_sweep_goes_on_past_files_that_stay(shelf: Shelf) -> None:
    kept = [shelf.add_task(number, keep=True) for number in range(1, 6)]
    for number, task in enumerate(kept):
        await shelf.put(f"kept-{number}", b"x", task_id=task, expires_at=1)
    for number, moment in enumerate((1, 1, 2, 3)):
        await shelf.put(f"old-{number}", b"x", expires_at=moment)
    assert (await swept(shelf, SweepLimits(look=2))).expired == 4
    assert all(has_row(shelf, path_to(f"{SEGMENT}/kept-{number}")) for number in range(5))
    assert not has_row(shelf, path_to(f"{SEGMENT}/old-3"))


async def test_bytes_without_a_row_go_after_an_hour(shelf: Shelf) -> None:
    await shelf.put_bytes(f"{SEGMENT}/orphan", b"x")
    owned = await shelf.put("owned", b"y", expires_at=None)
    assert (await swept(shelf)).orphans == 0
    shelf.clock.advance(2 * HOUR)
    assert (await swept(shelf)).orphans == 1
    assert not await shelf.storage.exists(f"{SEGMENT}/orphan")
    assert await shelf.read(owned.path) == b"y"


async def test_abandoned_scratch_files_go_too(shelf: Shelf) -> None:
    (await shelf.storage.scratch()).write_bytes(b"half a download")
    shelf.clock.advance(2 * HOUR)
    assert (await swept(shelf)).scratch == 1


async def test_bytes_left_by_a_crash_between_row_and_bytes_are_found(shelf: Shelf) -> None:
    row = await shelf.put("old", b"x", expires_at=1)
    assets.drop_expired(shelf.connection, [row.id], shelf.clock.now())
    shelf.clock.advance(2 * HOUR)
    assert await swept(shelf) == SweepCounts(expired=0, orphans=1, scratch=0)
    assert not await shelf.storage.exists(row.path)


async def nothing_goes(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """Not even what expired: with the row its bytes are found again once the storage is adopted."""
    expired = await shelf.put("old", b"y", expires_at=1)
    await shelf.put_bytes(f"{SEGMENT}/orphan", b"x")
    (await shelf.storage.scratch()).write_bytes(b"half a download")
    shelf.clock.advance(2 * HOUR)
    assert await swept(shelf) == SweepCounts(expired=0, orphans=0, scratch=0)
    assert await shelf.read(f"{SEGMENT}/orphan") == b"x"
    assert (has_row(shelf, expired.path), await shelf.read(expired.path)) == (True, b"y")
    (record,) = caplog.records
    assert "souk files adopt" in record.__dict__["remedy"]


async def test_files_of_another_installation_are_left_alone(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    await shelf.storage.claim("another")
    await nothing_goes(shelf, caplog)


async def test_a_storage_without_a_mark_is_left_alone(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    await shelf.unmark()
    await nothing_goes(shelf, caplog)


async def test_a_database_without_an_id_cleans_up_nothing(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    accounts.set_meta(shelf.connection, accounts.INSTALLATION, "")
    await shelf.storage.claim("")
    await nothing_goes(shelf, caplog)


async def test_an_empty_storage_becomes_the_installations_own(shelf: Shelf) -> None:
    await shelf.unmark()
    assert await settle(shelf.storage, "mine")
    assert await shelf.storage.owner() == "mine"
    assert not await settle(shelf.storage, "yours")
    assert await shelf.storage.owner() == "mine"


async def test_a_storage_that_holds_files_is_nobodys_without_an_operators_word(shelf: Shelf) -> None:
    await shelf.unmark()
    await shelf.put_bytes(f"{SEGMENT}/file", b"x")
    assert not await settle(shelf.storage, "mine")
    assert await shelf.storage.owner() is None
