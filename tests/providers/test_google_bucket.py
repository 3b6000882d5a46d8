"""Veo's clips in a bucket of the operator's: asked for, found, and opened with a token that goes nowhere else."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Access, Done, Job, Refused
from souk.providers.google import GoogleCloud, bucket
from souk.words import Millis
from tests.providers.jobs import fetched, job_from
from tests.upstreams.google_cloud import REGION, FakeCloud, clip_of


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeCloud(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def with_bucket(cloud: FakeCloud, folder: str = "gs://our-bucket/clips") -> Job:
    """A job whose clip goes into a bucket, and the token of a service account opens it."""
    job = job_from("veo3_fast", "google-cloud", cloud.url)
    options = {"region": REGION, "storage_uri": folder, "storage_url": cloud.url}
    connection = replace(job.connection, api_key=cloud.account(), options=options)
    return replace(job, connection=connection, now=Millis(int(time.time() * 1000)))


async def test_clip_goes_into_the_operators_bucket_and_is_fetched_from_there(
    cloud: FakeCloud, http: GuardedHttp, tmp_path: Path
) -> None:
    job, provider = with_bucket(cloud), GoogleCloud()
    accepted = await provider.submit(await provider.prepare(job, http), http)
    done = await provider.poll(job, accepted.ref, http)
    assert cloud.submits[0].input["parameters"]["storageUri"] == "gs://our-bucket/clips"
    assert isinstance(done, Done)
    (file,) = done.files
    assert await fetched(provider, job, file, tmp_path, http) == clip_of(cloud.submits[0])
    assert cloud.tokens == 1


async def test_token_is_for_the_storage_only(cloud: FakeCloud, http: GuardedHttp) -> None:
    for foreign in ("https://files.example/storage/v1/b/our-bucket/o/x?alt=media", f"{cloud.url}0/storage"):
        assert await GoogleCloud().access(with_bucket(cloud), foreign, http) == Access()


@pytest.mark.parametrize("folder", ["our-bucket/clips", "https://files.example/x", "gs://", "gs://[x"])
async def test_bucket_that_is_none_is_refused_before_anything_is_sent(
    cloud: FakeCloud, http: GuardedHttp, folder: str
) -> None:
    with pytest.raises(Refused, match="GOOGLE_CLOUD_STORAGE_URI"):
        await GoogleCloud().prepare(with_bucket(cloud, folder), http)


@pytest.mark.parametrize(
    "uri", ["", "gs://our-bucket", "gs://our-bucket/", "file:///etc/passwd", "gs://b/x?y"]
)
def test_address_that_names_no_clip_is_none(cloud: FakeCloud, uri: str) -> None:
    assert bucket.address(uri, with_bucket(cloud).connection) == ""


def test_name_in_a_bucket_is_one_step_of_the_path(cloud: FakeCloud) -> None:
    found = bucket.address("gs://our-bucket/a b/../%2e/c#d.mp4", with_bucket(cloud).connection)
    assert found == f"{cloud.url}/storage/v1/b/our-bucket/o/a%20b%2F..%2F%252e%2Fc%23d.mp4?alt=media"
