"""The storage port: what every storage does, on the local disk and in buckets of two kinds of service."""

import asyncio
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from souk.assets.bucket.storage import BucketStorage
from souk.assets.disk import PIECE_BYTES, DiskStorage
from souk.assets.small import WRITER
from souk.assets.storage import BadKey, Missing, Storage, StorageError, Unreachable
from souk.words import Millis

HOUR_MS = 3_600_000


@pytest.fixture(params=["disk", "rclone", "moto"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    if request.param == "disk":
        opened: Storage = DiskStorage(tmp_path / "deep" / "files")
    else:
        bucket = request.getfixturevalue(request.param).bucket()
        opened = BucketStorage(bucket, tmp_path / "scratch")
    yield opened
    await opened.close()


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[DiskStorage]:
    opened = DiskStorage(tmp_path / "deep" / "files")
    yield opened
    await opened.close()


async def put(storage: Storage, key: str, data: bytes) -> None:
    path = await storage.scratch()
    path.write_bytes(data)
    await storage.put_file(path, key)


async def read(storage: Storage, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in storage.open_range(key, start, length)])


async def listed(storage: Storage, moment: int) -> list[str]:
    return sorted([key async for batch in storage.list_older_than(Millis(moment)) for key in batch])


def now() -> int:
    return time.time_ns() // 1_000_000


async def test_file_that_was_put_reads_back(storage: Storage) -> None:
    await put(storage, "seg/a.png", b"hello")
    assert await read(storage, "seg/a.png") == b"hello"
    assert await storage.exists("seg/a.png")


async def test_put_uses_up_its_source(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "made"
    path.write_bytes(b"x")
    await storage.put_file(path, "seg/a")
    assert not path.exists()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A file on another file system."""
    memory = Path("/dev/shm")  # noqa: S108 - the second file system every Linux has
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    path = memory / f"souk-test-{os.getpid()}"
    path.write_bytes(b"from memory")
    yield path
    path.unlink(missing_ok=True)


async def test_source_on_another_file_system_is_copied(storage: Storage, elsewhere: Path) -> None:
    await storage.put_file(elsewhere, "seg/a")
    assert await read(storage, "seg/a") == b"from memory"
    assert list(elsewhere.parent.glob(elsewhere.name)) == []


async def test_stored_file_is_never_overwritten(storage: Storage) -> None:
    await put(storage, "seg/a", b"first")
    with pytest.raises(StorageError, match="already"):
        await put(storage, "seg/a", b"second")
    assert await read(storage, "seg/a") == b"first"


BAD_KEYS = [
    *["", "a", "/etc/passwd", "seg/../../x", "seg/..", "seg//a", "seg/.hidden", ".scratch/a"],
    *["seg/a\0", "seg/a\n", "seg/" + "a" * 201, "seg/ü", "seg\\a/b", "seg/a/"],
]


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_key_that_is_no_place_is_refused(storage: Storage, key: str) -> None:
    with pytest.raises(BadKey):
        await put(storage, key, b"x")
    with pytest.raises(BadKey):
        await read(storage, key)


@pytest.mark.parametrize(
    ("start", "length"), [(0, 10), (3, 4), (PIECE_BYTES - 1, 3), (PIECE_BYTES * 2, None)]
)
async def test_range_reads_exactly_its_bytes(storage: Storage, start: int, length: int | None) -> None:
    data = os.urandom(PIECE_BYTES * 2 + 77)
    await put(storage, "seg/a", data)
    stop = len(data) if length is None else start + length
    assert await read(storage, "seg/a", start, length) == data[start:stop]


async def test_missing_file_is_told_before_the_first_piece(storage: Storage) -> None:
    with pytest.raises(Missing):
        await read(storage, "seg/a")


async def test_copy_outlives_the_stored_file(storage: Storage, tmp_path: Path) -> None:
    await put(storage, "seg/a", b"x")
    await storage.copy_to("seg/a", tmp_path / "copy")
    await storage.delete(["seg/a"])
    assert (tmp_path / "copy").read_bytes() == b"x"


async def test_deleting_what_is_gone_is_no_error(storage: Storage) -> None:
    await put(storage, "seg/a", b"x")
    await storage.delete(["seg/a", "seg/b"])
    assert not await storage.exists("seg/a")


async def test_age_counts_from_the_put_and_not_from_the_making(storage: Storage) -> None:
    path = await storage.scratch()
    path.write_bytes(b"x")
    os.utime(path, (1, 1))
    await storage.put_file(path, "seg/a")
    assert await listed(storage, now() - HOUR_MS) == []
    assert await listed(storage, now() + HOUR_MS) == ["seg/a"]


async def test_files_without_a_key_are_not_listed(disk: DiskStorage, tmp_path: Path) -> None:
    await put(disk, "seg/a", b"x")
    (await disk.scratch()).write_bytes(b"x")
    (tmp_path / "deep" / "files" / "READ ME.txt").write_bytes(b"x")
    assert await listed(disk, now() + HOUR_MS) == ["seg/a"]


async def test_owner_is_who_claimed_it_last(storage: Storage) -> None:
    assert await storage.owner() is None
    await storage.claim("first")
    await storage.claim("second")
    assert await storage.owner() == "second"
    assert await listed(storage, now() + HOUR_MS) == []


async def test_abandoned_scratch_files_are_cleared(storage: Storage) -> None:
    old, new = await storage.scratch(), await storage.scratch()
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (1, 1))
    assert await storage.clear_scratch(Millis(now() - HOUR_MS)) == 1
    assert (old.exists(), new.exists()) == (False, True)


async def test_file_and_folders_are_synced_before_put_returns(
    disk: DiskStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), tmp_path / "deep"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    await put(disk, "new/folder/a", b"x")
    folders = [path for path in synced if not path.startswith("files/.scratch/")]
    assert len(synced) == len(folders) + 1, "the bytes were not synced under their scratch name"
    assert folders == ["files/new", "files", "files/new/folder"]


async def test_many_puts_run_together(storage: Storage) -> None:
    await asyncio.gather(*(put(storage, f"seg/{number}", b"%d" % number) for number in range(100)))
    assert len(await listed(storage, now() + HOUR_MS)) == 100
    stats = await storage.stats()
    assert (stats.puts, stats.put_bytes) == (100, 190)


async def test_disk_tells_how_much_room_is_left(disk: DiskStorage) -> None:
    assert (await disk.stats()).free_bytes


async def test_small_files_put_side_by_side_all_read_back(disk: DiskStorage) -> None:
    keys = [f"seg{number % 3}/{number}.png" for number in range(100)]
    await asyncio.gather(*(disk.put_bytes(key.encode(), key) for key in keys))
    assert [await read(disk, key) for key in keys] == [key.encode() for key in keys]
    assert (await disk.stats()).puts == len(keys)


async def test_small_file_never_takes_the_place_of_another(disk: DiskStorage) -> None:
    await disk.put_bytes(b"first", "seg/a.png")
    answers = await asyncio.gather(
        disk.put_bytes(b"second", "seg/a.png"), disk.put_bytes(b"other", "seg/b.png"), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [StorageError, type(None)]
    assert (await read(disk, "seg/a.png"), await read(disk, "seg/b.png")) == (b"first", b"other")


async def test_small_file_that_cannot_be_written_whole_is_not_there(disk: DiskStorage) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # the process that writes inherits it
    try:
        await disk.put_bytes(b"small", "seg/a.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with pytest.raises(StorageError, match="File too large"):
        await disk.put_bytes(bytes(101), "seg/b.png")
    assert await disk.exists("seg/a.png")
    assert not await disk.exists("seg/b.png")


async def test_files_wait_for_nothing_when_the_process_that_writes_them_is_killed(disk: DiskStorage) -> None:
    await disk.put_bytes(b"first", "seg/a.png")
    [writer] = writers()
    os.kill(writer, signal.SIGSTOP)
    waiting = asyncio.ensure_future(disk.put_bytes(b"second", "seg/b.png"))
    await asyncio.sleep(0)
    os.kill(writer, signal.SIGKILL)
    with pytest.raises(Unreachable, match="ended"):
        await waiting
    await disk.put_bytes(b"third", "seg/c.png")
    assert (await read(disk, "seg/a.png"), await read(disk, "seg/c.png")) == (b"first", b"third")
    assert writers() not in ([], [writer])


async def test_process_that_writes_small_files_outlives_a_signal_to_the_group(disk: DiskStorage) -> None:
    await disk.put_bytes(b"first", "seg/a.png")
    [writer] = writers()
    os.kill(writer, signal.SIGINT)
    os.kill(writer, signal.SIGTERM)
    await disk.put_bytes(b"second", "seg/b.png")
    assert writers() == [writer]


async def test_process_that_writes_small_files_is_told_no_secrets(
    disk: DiskStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "a-key-of-the-operator")
    await disk.put_bytes(b"first", "seg/a.png")
    [writer] = writers()
    assert b"a-key-of-the-operator" not in environment_of(writer)


async def test_storage_closes_when_its_small_files_are_written(disk: DiskStorage) -> None:
    await disk.put_bytes(b"first", "seg/first")
    puts = [asyncio.ensure_future(disk.put_bytes(b"%d" % number, f"seg/{number}")) for number in range(20)]
    await asyncio.sleep(0)
    await disk.close()
    assert not writers()
    assert await asyncio.gather(*puts) == [None] * len(puts)
    with pytest.raises(Unreachable):
        await disk.put_bytes(b"last", "seg/last")


def writers() -> list[int]:
    """The processes of this one that write small files."""
    children = [
        int(child)
        for told in Path("/proc/self/task").glob("*/children")
        for child in told.read_text().split()
    ]
    return [child for child in children if WRITER in Path(f"/proc/{child}/cmdline").read_text()]


def environment_of(process: int) -> bytes:
    """What a process was started with."""
    return Path(f"/proc/{process}/environ").read_bytes()
