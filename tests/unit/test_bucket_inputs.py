"""Inputs of tasks that are stored in a bucket: where an upstream may fetch them, and what happens if nobody can."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from souk.assets.bucket.client import Patience
from souk.assets.bucket.storage import BucketStorage
from souk.assets.inputs import Fetched, Inputs, Sources, Unusable
from souk.store.assets import AssetRow
from souk.words import FailKind
from tests.objectstore import ObjectStore
from tests.unit.shelf import Shelf, open_sqlite_shelf
from tests.upstreams.hiccups import Hiccups, hiccups

OUTSIDE = "https://files.example.com"
PUBLIC, PRIVATE = "https://souk.example.com", "http://127.0.0.1:8080"


@pytest.fixture
def front(rclone: ObjectStore) -> Iterator[Hiccups]:
    with hiccups(rclone.endpoint) as server:
        yield server


@pytest.fixture
async def shelf(
    rclone: ObjectStore, front: Hiccups, sqlite_template: Path, tmp_path: Path
) -> AsyncIterator[Shelf]:
    bucket = replace(rclone.bucket(endpoint=front.url), public_endpoint=OUTSIDE)
    storage = BucketStorage(bucket, tmp_path / "scratch", patience=Patience(retrying=0))
    async with open_sqlite_shelf(sqlite_template, tmp_path) as opened:
        await opened.storage.close()
        yield replace(opened, storage=storage)


async def fetched(shelf: Shelf, row: AssetRow, public_url: str) -> Fetched:
    sources = Sources(shelf.storage, shelf.http, shelf.reads, public_url, 1_000_000)
    return await Inputs(shelf.folder / "work", sources).stored(row)


async def test_an_upstream_gets_souks_own_link_where_that_is_public(shelf: Shelf) -> None:
    row = await shelf.put("cat.png", b"a cat")
    found = await fetched(shelf, row, PUBLIC)
    assert (found.url, found.reachable) == (f"{PUBLIC}/f/{row.path}", True)
    assert found.path.read_bytes() == b"a cat"


async def test_an_upstream_gets_a_signed_address_where_only_the_bucket_is_public(shelf: Shelf) -> None:
    found = await fetched(shelf, await shelf.put("cat.png", b"a cat"), PRIVATE)
    assert found.reachable
    assert found.url.startswith(f"{OUTSIDE}/")
    assert "X-Amz-Signature=" in found.url


async def test_a_storage_that_is_away_is_no_fault_of_the_input(shelf: Shelf, front: Hiccups) -> None:
    row = await shelf.put("cat.png", b"a cat")
    front.refuse()
    with pytest.raises(Unusable) as caught:
        await fetched(shelf, row, PUBLIC)
    assert caught.value.kind is FailKind.TRANSIENT


async def test_an_input_that_is_gone_is_told_as_such(shelf: Shelf) -> None:
    row = await shelf.put("cat.png", b"a cat")
    await shelf.storage.delete([row.path])
    with pytest.raises(Unusable, match="no longer stored") as caught:
        await fetched(shelf, row, PUBLIC)
    assert caught.value.kind is FailKind.INPUT_UNREACHABLE
