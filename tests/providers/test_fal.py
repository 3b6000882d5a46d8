"""fal.ai: every routed model's example is taken by its endpoint, and what the queue answers means what it should."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import (
    Connection,
    Done,
    Failed,
    Job,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.fal import Fal, body_of
from souk.words import FailKind
from tests.providers.jobs import CATALOG, job_from, picture
from tests.upstreams.fal import TAKES, FakeFal
from tests.upstreams.raw import answer, raw_server, says

CLIP = "kling/v2-1-master-text-to-video"
EDIT = "qwen/image-edit"
ROUTED = sorted(
    id for id, model in CATALOG.models.items() if any(route.provider == "fal" for route in model.routes)
)


@pytest.fixture
def fal() -> Iterator[FakeFal]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeFal(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def job_of(fal: FakeFal, model: str = CLIP, **changes: Any) -> Job:
    job = job_from(model, "fal", fal.url, **changes)
    options = {"upload_url": fal.url}
    return replace(job, connection=Connection("fal", "fal", fal.url, job.connection.api_key, options=options))


async def sent(fal: FakeFal, job: Job, http: GuardedHttp) -> tuple[str, dict[str, Any]]:
    """The endpoint and the body that arrived."""
    await Fal().submit(await Fal().prepare(job, http), http)
    (submit,) = fal.submits
    return submit.model, submit.input


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    return await Fal().poll(job, (await Fal().submit(job, http)).ref, http)


@pytest.mark.parametrize("model", ROUTED)
async def test_example_of_every_model_is_one_its_endpoint_takes(
    fal: FakeFal, http: GuardedHttp, model: str
) -> None:
    endpoint, _ = await sent(fal, job_of(fal, model), http)
    assert endpoint == next(route.model for route in CATALOG.models[model].routes if route.provider == "fal")


@pytest.mark.parametrize("model", ROUTED)
def test_every_field_of_a_model_is_one_its_endpoint_takes(model: str) -> None:
    """Else it would be passed over in silence there."""
    entry = CATALOG.models[model]
    endpoint = next(route.model for route in entry.routes if route.provider == "fal")
    names = {name for name in entry.schema["properties"] if name != "timestamps"}
    assert body_of(dict.fromkeys(names, "1")).keys() <= TAKES[endpoint]


def test_every_endpoint_of_the_fake_is_routed() -> None:
    routed = {
        route.model for model in ROUTED for route in CATALOG.models[model].routes if route.provider == "fal"
    }
    assert routed == TAKES.keys()


async def test_clip_is_asked_for_in_its_own_words(fal: FakeFal, http: GuardedHttp) -> None:
    job = job_of(fal, prompt="A fox", duration="5", aspect_ratio="16:9", negative_prompt=None, cfg_scale=0.5)
    endpoint, body = await sent(fal, job, http)
    assert endpoint == "fal-ai/kling-video/v2.1/master/text-to-video"
    assert body == {"prompt": "A fox", "duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5}


async def test_numbers_that_are_texts_with_us_are_numbers_there(fal: FakeFal, http: GuardedHttp) -> None:
    _, body = await sent(fal, job_of(fal, EDIT, num_images="3"), http)
    assert body["num_images"] == 3
    assert "sync_mode" not in body


@pytest.mark.parametrize("seed", [None, 0])
async def test_a_seed_is_sent_if_someone_asked_for_it(
    fal: FakeFal, http: GuardedHttp, seed: int | None
) -> None:
    _, body = await sent(fal, job_of(fal, "wan/2-2-a14b-text-to-video-turbo", seed=seed), http)
    assert body.get("seed") == seed


async def test_file_out_of_reach_is_uploaded(fal: FakeFal, http: GuardedHttp, tmp_path: Path) -> None:
    file = picture(tmp_path, "image_url")
    _, body = await sent(fal, job_of(fal, EDIT, files=(file,), image_url=file.url), http)
    assert body["image_url"].startswith(f"{fal.url}/storage/put/")
    assert list(fal.uploads.values()) == [file.path.read_bytes()]


async def test_file_within_reach_is_named(fal: FakeFal, http: GuardedHttp, tmp_path: Path) -> None:
    file = picture(tmp_path, "image_url", reachable=True)
    _, body = await sent(fal, job_of(fal, EDIT, files=(file,), image_url=file.url), http)
    assert body["image_url"] == file.url
    assert fal.uploads == {}


async def test_what_cannot_be_asked_for_is_refused_by_name(fal: FakeFal, http: GuardedHttp) -> None:
    model = "elevenlabs/text-to-speech-multilingual-v2"
    with pytest.raises(Refused) as refused:
        await Fal().submit(job_of(fal, model, timestamps=True), http)
    assert (refused.value.kind, "timestamps" in refused.value.message) == (FailKind.UNSUPPORTED, True)
    assert fal.submits == []


async def test_files_have_the_models_documented_result(fal: FakeFal, http: GuardedHttp) -> None:
    done = await polled(job_of(fal, EDIT, num_images="2"), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=fal.file_url(fal.submits[0], index)) for index in range(2)]
    assert done.result == {"resultUrls": [{"$file": 0}, {"$file": 1}]}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, FailKind.AUTH),
        (403, FailKind.AUTH),
        (404, FailKind.UNSUPPORTED),
        (413, FailKind.BAD_INPUT),
        (422, FailKind.BAD_INPUT),
    ],
)
async def test_refusal_status_decides_its_kind(
    fal: FakeFal, http: GuardedHttp, code: int, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await Fal().submit(job_of(fal, prompt=f"A boat [up:refuse={code}]"), http)
    assert refused.value.kind is kind
    assert fal.submits == []


async def test_rate_limit_says_when_to_come_back(fal: FakeFal, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Fal().submit(job_of(fal, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("403 Forbidden", {"detail": "User is locked. Reason: Exhausted balance."}, FailKind.QUOTA),
        ("422 Unprocessable Entity", {"detail": [{"type": "content_policy_violation"}]}, FailKind.MODERATION),
        (
            "422 Unprocessable Entity",
            {"detail": [{"type": "file_download_error"}]},
            FailKind.INPUT_UNREACHABLE,
        ),
    ],
)
async def test_words_of_a_refusal_decide_its_kind(
    http: GuardedHttp, status: str, body: dict[str, Any], kind: FailKind
) -> None:
    async with raw_server(says(answer(json.dumps(body).encode(), status=status))) as server:
        with pytest.raises(Refused) as refused:
            await Fal().submit(job_from(CLIP, "fal", server.url("")), http)
    assert refused.value.kind is kind


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    fal: FakeFal, http: GuardedHttp, lie: str
) -> None:
    job = job_of(fal, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Fal().submit(job, http)
    assert fal.count("A boat") == 1
    assert await Fal().recover(job, http) == Unknown()


@pytest.mark.parametrize("address", ["https://elsewhere.example/a/b/requests/1", "https://[", "", 7])
async def test_key_goes_to_no_other_host(http: GuardedHttp, address: object) -> None:
    told = answer(json.dumps({"request_id": "1", "response_url": address}).encode())
    async with raw_server(says(told)) as server:
        with pytest.raises(Unreadable):
            await Fal().submit(job_from(CLIP, "fal", server.url("")), http)
    with pytest.raises(Unreachable):
        await Fal().poll(job_from(CLIP, "fal", "http://127.0.0.1:9"), str(address), http)


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("busy=9", Running(queued=True)),
        ("never", Running()),
        ("unknown-state=9", Running()),
        ("no-file", Running()),
    ],
)
async def test_task_without_a_verdict_still_runs(
    fal: FakeFal, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job_of(fal, prompt=f"A boat [up:{word}]"), http) == verdict


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("moderated", FailKind.MODERATION),
        ("result=422", FailKind.BAD_INPUT),
        ("result=500", FailKind.TRANSIENT),
    ],
)
async def test_result_that_is_an_error_is_a_failure(
    fal: FakeFal, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    failed = await polled(job_of(fal, prompt=f"A boat [up:{word}] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind
    assert fal.key not in failed.message


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(fal: FakeFal, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(job_of(fal, prompt=f"A boat [up:{what}-while-polling=9]"), http)


@pytest.mark.parametrize("code", [401, 404, 429])
async def test_result_that_cannot_be_read_now_ends_nothing(
    fal: FakeFal, http: GuardedHttp, code: int
) -> None:
    with pytest.raises(Unreachable):
        await polled(job_of(fal, prompt=f"A boat [up:result={code}]"), http)
