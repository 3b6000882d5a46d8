"""A bucket whose service is wrong, slow, or breaks off: nothing is lost, and what is told names what to do."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from souk.assets.bucket.client import Patience
from souk.assets.bucket.place import Keys
from souk.assets.bucket.storage import PART_BYTES, PIECE_BYTES, BucketStorage
from souk.assets.storage import StorageError, Unreachable
from tests.objectstore import KEYS, ObjectStore
from tests.upstreams.hiccups import Hiccups, hiccups

SHORT = Patience(retrying=1, retries=1, silence=60)
"""For services that will not come back."""


@pytest.fixture
def front(rclone: ObjectStore) -> Iterator[Hiccups]:
    with hiccups(rclone.endpoint) as server:
        yield server


@pytest.fixture
async def storage(rclone: ObjectStore, front: Hiccups, tmp_path: Path) -> AsyncIterator[BucketStorage]:
    """Behind a server that can be made to fail; it has spoken to the service before."""
    opened = BucketStorage(rclone.bucket(endpoint=front.url), tmp_path / "scratch")
    await put(opened, "seg/first", b"x")
    yield opened
    await opened.close()


@pytest.fixture
async def new_kind(moto: ObjectStore, tmp_path: Path) -> AsyncIterator[tuple[BucketStorage, Hiccups]]:
    """Such a storage at a service that knows puts under a condition."""
    with hiccups(moto.endpoint) as front:
        opened = BucketStorage(moto.bucket(endpoint=front.url), tmp_path / "scratch")
        await put(opened, "seg/first", b"x")
        yield opened, front
        await opened.close()


async def put(storage: BucketStorage, key: str, data: bytes) -> None:
    path = await storage.scratch()
    path.write_bytes(data)
    await storage.put_file(path, key)


async def read(storage: BucketStorage, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in storage.open_range(key, start, length)])


def is_put(method: str, path: str) -> bool:
    return method == "PUT"


def is_get(method: str, path: str) -> bool:
    return method == "GET" and "list-type" not in path


def is_part(method: str, path: str) -> bool:
    return "partNumber" in path


def is_slow(method: str, path: str) -> bool:
    return path.endswith("/slow")


async def test_put_outlasts_a_busy_service(storage: BucketStorage, front: Hiccups) -> None:
    front.refuse(3, chosen=is_put)
    await put(storage, "seg/a", b"hello")
    assert front.spoilt == 3
    assert await read(storage, "seg/a") == b"hello"


async def test_put_outlasts_a_lost_answer(storage: BucketStorage, front: Hiccups) -> None:
    front.lose(chosen=is_put)
    await put(storage, "seg/a", b"hello")
    assert front.spoilt == 1
    assert await read(storage, "seg/a") == b"hello"


async def test_put_whose_answer_was_lost_knows_its_own_file(new_kind: tuple[BucketStorage, Hiccups]) -> None:
    storage, front = new_kind
    front.lose(chosen=is_put)
    await put(storage, "seg/a", b"hello")
    assert front.spoilt == 1
    assert await read(storage, "seg/a") == b"hello"


async def test_put_into_a_busy_service_does_not_overwrite(new_kind: tuple[BucketStorage, Hiccups]) -> None:
    storage, front = new_kind
    front.refuse(1, chosen=is_put)
    with pytest.raises(StorageError, match="already"):
        await put(storage, "seg/first", b"second")
    assert await read(storage, "seg/first") == b"x"


async def test_service_that_knows_no_conditions_is_asked_first(
    rclone: ObjectStore, front: Hiccups, tmp_path: Path
) -> None:
    front.refuse(1, status=501, code="NotImplemented", chosen=is_put)
    storage = BucketStorage(rclone.bucket(endpoint=front.url), tmp_path)
    await put(storage, "seg/a", b"first")
    assert front.seen["HEAD"] == 1
    with pytest.raises(StorageError, match="already"):
        await put(storage, "seg/a", b"second")


async def test_a_service_that_stays_away_is_told_from_one_that_refuses(
    rclone: ObjectStore, front: Hiccups, tmp_path: Path
) -> None:
    storage = BucketStorage(rclone.bucket(endpoint=front.url), tmp_path, patience=SHORT)
    path = await storage.scratch()
    path.write_bytes(b"x")
    front.refuse()
    with pytest.raises(Unreachable, match="503 SlowDown"):
        await storage.put_file(path, "seg/a")
    assert path.read_bytes() == b"x", "the file must still be there for the next try"
    front.heal()
    await storage.put_file(path, "seg/a")
    assert await read(storage, "seg/a") == b"x"


async def test_read_goes_on_where_an_answer_broke_off(storage: BucketStorage, front: Hiccups) -> None:
    data = os.urandom(PIECE_BYTES * 8 + 7)
    await put(storage, "seg/a", data)
    front.cut(PIECE_BYTES * 3, times=2, chosen=is_get)
    assert await read(storage, "seg/a") == data
    assert front.spoilt == 2
    front.cut(PIECE_BYTES * 2, chosen=is_get)
    assert await read(storage, "seg/a", 5, PIECE_BYTES * 4) == data[5 : 5 + PIECE_BYTES * 4]


async def test_copy_that_breaks_off_for_good_leaves_no_half_file(
    rclone: ObjectStore, front: Hiccups, tmp_path: Path
) -> None:
    storage = BucketStorage(rclone.bucket(endpoint=front.url), tmp_path / "scratch", patience=SHORT)
    await put(storage, "seg/a", os.urandom(PIECE_BYTES * 8))
    front.cut(PIECE_BYTES * 2, times=1, chosen=is_get)
    front.refuse(chosen=is_get)
    with pytest.raises(Unreachable):
        await storage.copy_to("seg/a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_large_file_goes_in_parts_that_are_tried_again(storage: BucketStorage, front: Hiccups) -> None:
    data = os.urandom(PART_BYTES * 3 + 1234)
    front.refuse(2, chosen=is_part)
    before = front.seen["PUT"]
    await put(storage, "seg/large", data)
    assert front.seen["PUT"] - before == 4 + 2, "four parts, two of them sent twice"
    assert await read(storage, "seg/large") == data
    with pytest.raises(StorageError, match="already"):
        await put(storage, "seg/large", data)


async def test_memory_stays_flat_while_a_large_file_passes(storage: BucketStorage, tmp_path: Path) -> None:
    path, copy = await storage.scratch(), tmp_path / "copy"
    with path.open("wb") as file:
        file.truncate(PART_BYTES * 25)
    before = peak_kib()
    await storage.put_file(path, "seg/film")
    await storage.copy_to("seg/film", copy)
    assert copy.stat().st_size == PART_BYTES * 25
    grown = (peak_kib() - before) * 1024
    assert grown < PART_BYTES * 10, f"{grown >> 20} MiB more for a file of {PART_BYTES * 25 >> 20} MiB"


def peak_kib() -> int:
    """The most this process held, forgetting what it held before."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(status.partition("VmHWM:")[2].split()[0])


async def test_slow_service_holds_nobody_else_up(storage: BucketStorage, front: Hiccups) -> None:
    front.slow(3600, chosen=is_slow)
    slow = asyncio.create_task(put(storage, "seg/slow", b"x"))
    while not front.spoilt:  # noqa: ASYNC110 - it is told in another thread
        await asyncio.sleep(0.01)
    for number in range(5):
        await put(storage, f"seg/{number}", b"x")
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


WRONG = [
    ({"keys": Keys(KEYS.id, "wrong")}, "SOUK_S3_SECRET_ACCESS_KEY"),
    ({"keys": Keys("nobody", KEYS.secret)}, "SOUK_S3_ACCESS_KEY_ID"),
    ({"name": "no-such-bucket"}, "make the bucket, or correct SOUK_STORAGE_URL"),
]


@pytest.mark.parametrize(("wrong", "remedy"), WRONG)
async def test_wrong_settings_are_named(
    rclone: ObjectStore, tmp_path: Path, wrong: dict[str, object], remedy: str
) -> None:
    bucket = replace(rclone.bucket(), **wrong)  # pyright: ignore[reportArgumentType] - one field at a time
    storage = BucketStorage(bucket, tmp_path, patience=SHORT)
    with pytest.raises(StorageError, match=remedy) as caught:
        await storage.owner()
    assert not isinstance(caught.value, Unreachable)
    assert KEYS.secret not in str(caught.value)


SKEWED = ("RequestTimeTooSkewed", "NTP")
ELSEWHERE = ("PermanentRedirect", "SOUK_S3_REGION")


@pytest.mark.parametrize(("code", "remedy"), [SKEWED, ELSEWHERE, ("AccessDenied", "object-storage.md")])
async def test_refusals_of_amazon_are_named(
    rclone: ObjectStore, front: Hiccups, tmp_path: Path, code: str, remedy: str
) -> None:
    front.refuse(status=403, code=code)
    storage = BucketStorage(rclone.bucket(endpoint=front.url), tmp_path, patience=SHORT)
    with pytest.raises(StorageError, match=remedy):
        await storage.owner()


async def test_calls_are_counted_by_how_they_went(
    rclone: ObjectStore, front: Hiccups, tmp_path: Path
) -> None:
    counted: Counter[tuple[str, str]] = Counter()

    def count(call: str, outcome: str, seconds: float) -> None:
        assert seconds > 0
        counted[call, outcome] += 1

    bucket = rclone.bucket(endpoint=front.url)
    storage = BucketStorage(bucket, tmp_path, patience=SHORT, count=count)
    assert await storage.owner() is None
    await storage.claim("us")
    front.refuse()
    with pytest.raises(Unreachable):
        await storage.owner()
    assert counted == {("get", "missing"): 1, ("put", "ok"): 1, ("get", "unreachable"): 1}


async def test_machine_without_key_or_role_is_told_what_to_set(
    rclone: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    storage = BucketStorage(replace(rclone.bucket(), keys=None), tmp_path, patience=SHORT)
    with pytest.raises(StorageError, match="set SOUK_S3_ACCESS_KEY_ID"):
        await storage.owner()
