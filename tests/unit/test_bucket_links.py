"""Signed addresses of a bucket: the very ones Amazon's own client makes, and good for one file and a while only."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import botocore.session
import pytest
from botocore.config import Config

from souk.assets.bucket.place import Bucket, Keys
from souk.assets.bucket.signing import LONGEST_SECONDS, signed_address
from souk.assets.bucket.storage import BucketStorage
from souk.words import Millis
from tests.objectstore import ObjectStore

ANSWER = {"Content-Type": "video/mp4", "Content-Disposition": "attachment; filename=\"a b.mp4\"; x='é&='"}
PLACES = [
    Bucket(
        "souk-files", "in/here", "https://storage.example", region="eu-central-1", keys=Keys("id", "secret")
    ),
    Bucket("souk-files", "", "http://127.0.0.1:9000", keys=Keys("id", "se/cr+et", "to+ken/==")),
    Bucket("souk-files", "p", "https://storage.example:8443", region="auto", keys=Keys("id", "secret")),
]


def parts_of(url: str) -> tuple[str, str, str, dict[str, list[str]]]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc, parts.path, parse_qs(parts.query)


def as_amazon_signs(bucket: Bucket, key: str, seconds: int, moment: Millis) -> str:
    """The same address from Amazon's client, whose clock cannot be set: it must be made within the same second."""
    assert bucket.keys is not None
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=bucket.service,
        region_name=bucket.region,
        aws_access_key_id=bucket.keys.id,
        aws_secret_access_key=bucket.keys.secret,
        aws_session_token=bucket.keys.token or None,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    wanted = {
        "Bucket": bucket.name,
        "Key": f"{bucket.prefix}/{key}".lstrip("/"),
        "ResponseContentType": ANSWER["Content-Type"],
        "ResponseContentDisposition": ANSWER["Content-Disposition"],
    }
    return client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds)


@pytest.mark.parametrize("bucket", PLACES)
def test_address_is_the_one_amazons_own_client_makes(bucket: Bucket) -> None:
    assert bucket.keys is not None
    ours = theirs = None
    while ours is None or theirs is None or ours[3]["X-Amz-Date"] != theirs[3]["X-Amz-Date"]:
        now = Millis(time.time_ns() // 1_000_000)
        ours = parts_of(signed_address(bucket, bucket.keys, "seg/a-file_1.mp4", 900, now, ANSWER))
        theirs = parts_of(as_amazon_signs(bucket, "seg/a-file_1.mp4", 900, now))
    assert ours == theirs


def test_address_names_the_service_as_clients_reach_it() -> None:
    bucket = replace(PLACES[0], public_endpoint="https://files.example/s3/")
    url = signed_address(bucket, Keys("id", "secret"), "seg/a", 10**9, Millis(0), {})
    assert url.startswith("https://files.example/s3/souk-files/in/here/seg/a?")
    assert f"X-Amz-Expires={LONGEST_SECONDS}&" in url


@pytest.fixture
async def stored(rclone: ObjectStore, tmp_path: Path) -> AsyncIterator[BucketStorage]:
    """A bucket with two files."""
    storage = BucketStorage(rclone.bucket(), tmp_path)
    for key in ("seg/a", "seg/b"):
        path = await storage.scratch()
        path.write_bytes(key.encode() * 100)
        await storage.put_file(path, key)
    yield storage
    await storage.close()


async def fetch(url: str | None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    assert url is not None
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


async def test_address_needs_no_key_and_keeps_type_and_name(stored: BucketStorage) -> None:
    status, data, headers = await fetch(
        stored.direct_link("seg/a", 60, ANSWER | {"Content-Disposition": "inline"})
    )
    assert (status, data) == (200, b"seg/a" * 100)
    assert (headers["Content-Type"], headers["Content-Disposition"]) == ("video/mp4", "inline")


async def test_address_serves_ranges(stored: BucketStorage) -> None:
    status, data, headers = await fetch(stored.direct_link("seg/a", 60, {}), Range="bytes=1-3")
    assert (status, data, headers["Content-Range"]) == (206, b"eg/", "bytes 1-3/500")


async def test_address_opens_no_other_file(stored: BucketStorage) -> None:
    url = stored.direct_link("seg/a", 60, {})
    assert url is not None
    status, data, _ = await fetch(url.replace("seg/a", "seg/b"))
    assert (status, b"seg/b" in data) == (403, False)


async def test_address_stops_working_when_its_time_is_over(stored: BucketStorage) -> None:
    url = stored.direct_link("seg/a", 1, {})
    async with asyncio.timeout(30):
        while (await fetch(url))[0] == 200:  # noqa: ASYNC110 - only the service knows when it is over
            await asyncio.sleep(0.2)
    status, data, _ = await fetch(url)
    assert (status, b"seg/a" in data) == (400, False)


async def test_without_keys_of_its_own_a_storage_has_no_addresses(
    stored: BucketStorage, tmp_path: Path
) -> None:
    by_role = BucketStorage(replace(stored.bucket, keys=None), tmp_path)
    assert by_role.direct_link("seg/a", 60, {}) is None
