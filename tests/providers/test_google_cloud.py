"""Veo on Google Cloud: what is asked for each task, what an operation says, and how tokens come and go."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Job,
    MediaFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.google import GoogleCloud
from souk.words import FailKind, Millis
from tests.providers.jobs import CATALOG, job_from, picture
from tests.upstreams.google_cloud import PROJECT, REGION, FakeCloud, clip_of

PLACE = {"project": PROJECT, "region": REGION}
WISHES = {
    "durationSeconds": 8,
    "aspectRatio": "16:9",
    "resolution": "720p",
    "generateAudio": True,
    "sampleCount": 1,
}


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeCloud(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def veo_job(cloud: FakeCloud, model: str = "veo3_fast", **changes: Any) -> Job:
    """A job with an access token for a key."""
    job = job_from(model, "google-cloud", cloud.url, **changes)
    return replace(job, connection=replace(job.connection, options=PLACE))


def account_job(cloud: FakeCloud, now: float, credential: str = "") -> Job:
    """A job with a service account for a key, at a moment in seconds."""
    job = veo_job(cloud)
    connection = replace(job.connection, api_key=credential or cloud.account(), options={"region": REGION})
    return replace(job, connection=connection, now=Millis(int(now * 1000)))


def extend_job(cloud: FakeCloud, folder: Path, upstream: str, grade: str = "fast") -> Job:
    path = folder / "parent.mp4"
    path.write_bytes(b"not really a clip")
    clip = MediaFile("taskId", 0, path, "video/mp4", 17, "https://files.example/parent.mp4", False)
    job = veo_job(cloud, "veo-extend", files=(clip,))
    return replace(job, upstream_model=upstream, input={**job.input, "model": grade})


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    provider = GoogleCloud()
    return await provider.poll(job, (await provider.submit(job, http)).ref, http)


async def refused(job: Job, http: GuardedHttp) -> Refused:
    with pytest.raises(Refused) as caught:
        await GoogleCloud().submit(job, http)
    return caught.value


def inline(file: MediaFile) -> dict[str, str]:
    data = base64.b64encode(file.path.read_bytes()).decode()
    return {"bytesBase64Encoded": data, "mimeType": file.media_type}


@pytest.mark.parametrize(
    ("model", "upstream"),
    [
        ("veo3", "veo-3.1-generate-001"),
        ("veo3_fast", "veo-3.1-fast-generate-001"),
        ("veo3_lite", "veo-3.1-lite-generate-001"),
    ],
)
async def test_example_is_sent_in_the_upstreams_words(
    cloud: FakeCloud, http: GuardedHttp, model: str, upstream: str
) -> None:
    await GoogleCloud().submit(veo_job(cloud, model), http)
    (submit,) = cloud.submits
    assert (submit.model, submit.input) == (
        upstream,
        {"instances": [{"prompt": "Kite over dunes"}], "parameters": WISHES | {"seed": 45210}},
    )


@pytest.mark.parametrize(
    ("count", "kind", "names"),
    [
        (1, None, ["image"]),
        (2, None, ["image", "lastFrame"]),
        (2, "FIRST_AND_LAST_FRAMES_2_VIDEO", ["image", "lastFrame"]),
        (3, None, ["referenceImages"]),
        (1, "REFERENCE_2_VIDEO", ["referenceImages"]),
        (1, "TEXT_2_VIDEO", []),
    ],
)
async def test_pictures_are_what_the_type_or_their_number_says(
    cloud: FakeCloud, http: GuardedHttp, tmp_path: Path, count: int, kind: str | None, names: list[str]
) -> None:
    files = tuple(picture(tmp_path, "imageUrls", number) for number in range(count))
    given: dict[str, Any] = {"generationType": kind, "imageUrls": [file.url for file in files]}
    await GoogleCloud().submit(veo_job(cloud, files=files, **given), http)
    (instance,) = cloud.submits[0].input["instances"]
    assert sorted(instance) == sorted(["prompt", *names])
    if names == ["referenceImages"]:
        assert instance["referenceImages"] == [
            {"image": inline(file), "referenceType": "asset"} for file in files
        ]
    else:
        assert [instance[name] for name in names] == [inline(file) for file in files][: len(names)]


@pytest.mark.parametrize(
    ("grade", "upstream"),
    [
        ("fast", "veo-3.1-fast-generate-001"),
        ("quality", "veo-3.1-generate-001"),
        ("lite", "veo-3.1-lite-generate-001"),
    ],
)
async def test_extension_sends_the_clip_to_the_veo_that_was_asked_for(
    cloud: FakeCloud, http: GuardedHttp, tmp_path: Path, grade: str, upstream: str
) -> None:
    taken = 0
    for route in CATALOG.models["veo-extend"].routes:
        if route.provider == "google-cloud":
            job = extend_job(cloud, tmp_path, route.model, grade)
            try:
                await GoogleCloud().submit(job, http)
                taken += 1
            except Refused as other:
                assert other.kind is FailKind.UNSUPPORTED
    assert taken == 1
    clip = {"bytesBase64Encoded": base64.b64encode(b"not really a clip").decode(), "mimeType": "video/mp4"}
    assert (cloud.submits[0].model, cloud.submits[0].input) == (
        upstream,
        {
            "instances": [{"prompt": "The kite dips behind a dune", "video": clip}],
            "parameters": {"resolution": "720p", "sampleCount": 1},
        },
    )


async def test_extension_has_its_documented_result(
    cloud: FakeCloud, http: GuardedHttp, tmp_path: Path
) -> None:
    done = await polled(extend_job(cloud, tmp_path, "veo-3.1-fast-generate-001"), http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}], "fullResultUrls": [{"$file": 0}]}


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("watermark", {"watermark": "mine"}),
        ("duration", {"duration": 4, "resolution": "1080p"}),
    ],
)
async def test_what_veo_cannot_do_goes_to_the_next_route(
    cloud: FakeCloud, http: GuardedHttp, field: str, changes: dict[str, Any]
) -> None:
    told = await refused(veo_job(cloud, **changes), http)
    assert (told.kind, told.message.partition(":")[0]) == (FailKind.UNSUPPORTED, field)
    assert cloud.submits == []


async def test_shape_of_a_picture_is_not_followed(
    cloud: FakeCloud, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path, "imageUrls")
    job = veo_job(cloud, files=(file,), imageUrls=[file.url], aspect_ratio="Auto")
    assert (await refused(job, http)).kind is FailKind.UNSUPPORTED
    await GoogleCloud().submit(veo_job(cloud, aspect_ratio="Auto"), http)
    assert cloud.submits[0].input["parameters"]["aspectRatio"] == "16:9"


async def test_clip_has_the_models_documented_result(cloud: FakeCloud, http: GuardedHttp) -> None:
    done = await polled(veo_job(cloud), http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}]}
    assert [(file.media_type, file.data) for file in done.files] == [("video/mp4", clip_of(cloud.submits[0]))]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("moderated", FailKind.MODERATION),
        ("fail=3", FailKind.BAD_INPUT),
        ("fail=8", FailKind.QUOTA),
        ("fail=13", FailKind.TRANSIENT),
        ("no-file", FailKind.TRANSIENT),
    ],
)
async def test_end_without_a_clip_is_a_failure(
    cloud: FakeCloud, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    failed = await polled(veo_job(cloud, prompt=f"A kite [up:{word}]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind


async def test_failure_is_told_without_the_token(cloud: FakeCloud, http: GuardedHttp) -> None:
    failed = await polled(veo_job(cloud, prompt="A kite [up:fail=13] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert "Broken" in failed.message
    assert cloud.key not in f"{failed.message} {failed.upstream}"


async def test_operation_that_is_not_done_still_runs(cloud: FakeCloud, http: GuardedHttp) -> None:
    job = veo_job(cloud, prompt="A kite [up:never]")
    assert await polled(job, http) == Running()
    assert await GoogleCloud().cancel(job, "", http) is False


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(cloud: FakeCloud, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(veo_job(cloud, prompt=f"A kite [up:{what}-while-polling=9]"), http)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("refuse=400", FailKind.BAD_INPUT),
        ("refuse=403", FailKind.AUTH),
        ("refuse=404", FailKind.RETIRED),
        ("429", FailKind.RATE_LIMIT),
    ],
)
async def test_refusal_status_decides_its_kind(
    cloud: FakeCloud, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    assert (await refused(veo_job(cloud, prompt=f"A kite [up:{word}]"), http)).kind is kind
    assert cloud.submits == []


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    cloud: FakeCloud, http: GuardedHttp, lie: str
) -> None:
    job = veo_job(cloud, prompt=f"A kite [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await GoogleCloud().submit(job, http)
    assert cloud.count("A kite") == 1
    assert await GoogleCloud().recover(job, http) == Unknown()


async def test_service_account_gets_one_token_for_as_long_as_it_lives(
    cloud: FakeCloud, http: GuardedHttp
) -> None:
    provider, now = GoogleCloud(), time.time()
    job = account_job(cloud, now)
    accepted = await provider.submit(await provider.prepare(job, http), http)
    assert isinstance(await provider.poll(job, accepted.ref, http), Done)
    assert cloud.tokens == 1
    await provider.poll(account_job(cloud, now + 3200), accepted.ref, http)
    assert cloud.tokens == 1
    with pytest.raises(Unreachable):  # by then the assertion is of another time, which the fake refuses
        await provider.poll(account_job(cloud, now + 3400), accepted.ref, http)
    assert cloud.tokens == 2


async def test_token_that_is_no_longer_taken_is_asked_for_anew(cloud: FakeCloud, http: GuardedHttp) -> None:
    provider, job = GoogleCloud(), account_job(cloud, time.time())
    await provider.prepare(job, http)
    cloud.key = "another-token-9999"
    with pytest.raises(Refused) as caught:
        await provider.submit(job, http)
    assert caught.value.kind is FailKind.AUTH
    assert isinstance(await provider.submit(job, http), Accepted)
    assert cloud.tokens == 2


async def test_account_that_is_refused_is_a_matter_of_the_key(cloud: FakeCloud, http: GuardedHttp) -> None:
    cloud.trusted = False
    with pytest.raises(Refused, match="account disabled") as caught:
        await GoogleCloud().prepare(account_job(cloud, time.time()), http)
    assert caught.value.kind is FailKind.AUTH


@pytest.mark.parametrize(
    "broken",
    [
        {"private_key": "-----BEGIN"},
        {"private_key": None},
        {"token_uri": "token.invalid"},
        {"client_email": 7},
    ],
)
async def test_broken_account_is_a_matter_of_the_key(
    cloud: FakeCloud, http: GuardedHttp, broken: dict[str, Any]
) -> None:
    credential = json.dumps(json.loads(cloud.account()) | broken)
    with pytest.raises(Refused) as caught:
        await GoogleCloud().prepare(account_job(cloud, time.time(), credential), http)
    assert caught.value.kind is FailKind.AUTH
    assert "BEGIN" not in caught.value.message


async def test_token_service_that_is_down_passes(cloud: FakeCloud, http: GuardedHttp) -> None:
    credential = json.dumps(json.loads(cloud.account()) | {"token_uri": "http://127.0.0.1:9/token"})
    with pytest.raises(Refused) as caught:
        await GoogleCloud().prepare(account_job(cloud, time.time(), credential), http)
    assert caught.value.kind is FailKind.TRANSIENT


async def test_project_must_be_known(cloud: FakeCloud, http: GuardedHttp) -> None:
    job = veo_job(cloud)
    with pytest.raises(Refused, match="GOOGLE_CLOUD_PROJECT") as caught:
        await GoogleCloud().prepare(replace(job, connection=replace(job.connection, options={})), http)
    assert caught.value.kind is FailKind.AUTH


async def test_sdk_sends_the_same_for_a_clip(cloud: FakeCloud, http: GuardedHttp, tmp_path: Path) -> None:
    files = (picture(tmp_path, "imageUrls"), picture(tmp_path, "imageUrls", 1))
    await GoogleCloud().submit(veo_job(cloud, files=files, imageUrls=[file.url for file in files]), http)
    frames = [types.Image(image_bytes=file.path.read_bytes(), mime_type="image/png") for file in files]
    with genai.Client(
        vertexai=True,
        project=PROJECT,
        location=REGION,
        credentials=Credentials(token=cloud.key),
        http_options=types.HttpOptions(base_url=cloud.url),
    ) as sdk:
        operation = sdk.models.generate_videos(
            model="veo-3.1-fast-generate-001",
            source=types.GenerateVideosSource(prompt="Kite over dunes", image=frames[0]),
            config=types.GenerateVideosConfig(
                number_of_videos=1,
                duration_seconds=8,
                aspect_ratio="16:9",
                resolution="720p",
                generate_audio=True,
                seed=45210,
                last_frame=frames[1],
            ),
        )
        done = sdk.operations.get(operation)
    ours, theirs = cloud.submits
    assert (ours.model, ours.input) == (theirs.model, theirs.input)
    assert done.response is not None
    (made,) = done.response.generated_videos or []
    assert made.video is not None
    assert made.video.video_bytes == clip_of(theirs)
