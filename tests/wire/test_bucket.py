"""A whole Souk whose files are in a bucket: clients see the same, whether Souk sends the bytes or the bucket does."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from souk.assets.bucket.storage import BucketStorage
from souk.settings import LinkService
from souk.words import Millis
from tests.objectstore import ObjectStore, settings_of
from tests.unit import media_files as media
from tests.upstreams.hiccups import Hiccups, hiccups
from tests.wire.serving import Reply, Souk, open_souk
from tests.wire.uploading import send_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURE = media.picture("PNG")


@pytest.fixture(scope="module")
def front(rclone: ObjectStore) -> Iterator[Hiccups]:
    with hiccups(rclone.endpoint) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(LinkService))
async def souk(
    request: pytest.FixtureRequest,
    rclone: ObjectStore,
    front: Hiccups,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Souk]:
    given = settings_of(rclone.bucket(endpoint=front.url))
    folder = tmp_path_factory.mktemp("souk")
    async with open_souk(folder, engine=True, links=request.param, **given) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def result(souk: Souk) -> str:
    """The link of a result."""
    return await result_of(souk, await souk.client.create())


async def result_of(souk: Souk, task_id: str) -> str:
    record = await souk.client.record(task_id, wait=60)
    assert record["state"] == "success", record
    return json.loads(record["resultJson"])["resultUrls"][0]


async def got(souk: Souk, url: str, *, follow: bool = True, method: str = "GET", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with souk.client.session.request(method, url, headers=named, allow_redirects=follow) as answer:
        kept = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, kept, await answer.read())


def is_direct(souk: Souk) -> bool:
    return souk.house.settings.links is LinkService.DIRECT


async def test_a_result_is_in_the_bucket_and_nowhere_else(souk: Souk, result: str) -> None:
    storage = souk.house.storage
    assert isinstance(storage, BucketStorage)
    keys = [key async for page in storage.list_older_than(Millis(1 << 52)) for key in page]
    assert result.partition("/f/")[2] in keys
    assert not (souk.house.settings.data_dir / "files").exists()
    assert list((souk.house.settings.data_dir / "scratch").iterdir()) == []


async def test_a_result_reads_back_without_a_key(souk: Souk, result: str) -> None:
    whole = await got(souk, result)
    part = await got(souk, result, Range="bytes=5-14")
    assert whole.status == 200
    assert whole.raw.startswith(b"\x89PNG")
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["content-disposition"].startswith("inline")
    assert (part.status, part.raw) == (206, whole.raw[5:15])


async def test_links_stay_at_souk_and_the_bytes_come_from_where_the_operator_says(
    souk: Souk, result: str, front: Hiccups
) -> None:
    assert result.startswith(f"{souk.client.url}/f/")
    reply = await got(souk, result, follow=False)
    if is_direct(souk):
        assert (reply.status, reply.raw) == (302, b"")
        assert reply.headers["location"].startswith(front.url)
        assert reply.headers["cache-control"] == "no-store"
    else:
        assert reply.status == 200


async def test_what_needs_no_bytes_is_answered_here(souk: Souk, result: str, front: Hiccups) -> None:
    before = sum(front.seen.values())
    head = await got(souk, result, method="HEAD", follow=False)
    fresh = await got(souk, result, follow=False, If_None_Match=head.headers["etag"])
    assert (head.status, head.raw, fresh.status) == (200, b"", 304)
    assert int(head.headers["content-length"]) > 1000
    assert sum(front.seen.values()) == before


async def test_an_upload_reads_back_and_saves_under_its_name(souk: Souk) -> None:
    sent = await send_text(souk, PICTURE, fileName="holiday.png")
    link = sent.data["downloadUrl"]
    assert (await got(souk, link)).raw == PICTURE
    signed = (await souk.client.post("/api/v1/common/download-url", {"url": link})).data
    saved = await got(souk, signed)
    assert saved.raw == PICTURE
    assert saved.headers["content-disposition"] == 'attachment; filename="holiday.png"'


async def test_a_task_outlasts_a_bucket_that_is_busy(souk: Souk, front: Hiccups) -> None:
    before = front.spoilt
    front.refuse(4, chosen=lambda method, _: method == "PUT")
    assert (await got(souk, await result_of(souk, await souk.client.create()))).status == 200
    assert front.spoilt == before + 4


async def test_metrics_count_the_calls(souk: Souk, result: str) -> None:
    text = (await souk.client.get("/metrics")).raw.decode()
    assert 'souk_storage_calls_total{call="put",outcome="ok"}' in text


async def test_clients_are_told_to_come_back_while_the_bucket_is_away(
    rclone: ObjectStore, front: Hiccups, tmp_path: Path
) -> None:
    given: dict[str, Any] = settings_of(rclone.bucket(endpoint=front.url)) | {"s3_retry_seconds": 0}
    async with open_souk(tmp_path, **given) as souk:
        link = (await send_text(souk, PICTURE)).data["downloadUrl"]
    front.refuse()
    try:
        # It also starts without its storage.
        async with open_souk(tmp_path, **given) as souk:
            path = link[link.index("/", len("http://")) :]
            read = await souk.client.get(path)
            assert (read.status, read.headers["retry-after"]) == (503, "5")
            sent = await send_text(souk, PICTURE)
            assert (sent.status, sent.headers["retry-after"]) == (429, "5")
            front.heal()
            assert (await souk.client.get(path)).raw == PICTURE
            assert (await send_text(souk, PICTURE)).status == 200
    finally:
        front.heal()
