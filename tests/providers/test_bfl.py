"""Black Forest Labs: what is sent for each model, and what its answers mean."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Job,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.bfl import Bfl
from souk.words import FailKind
from tests.providers.jobs import job_from, picture
from tests.upstreams.bfl import FakeBfl
from tests.upstreams.raw import answer, raw_server, says

PRO = "flux-2/pro-text-to-image"
EDIT = "flux-2/pro-image-to-image"
PROMPT = "A red tram climbs a steep street after rain, wet cobbles, evening light"


@pytest.fixture
def bfl() -> Iterator[FakeBfl]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeBfl(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


async def sent(bfl: FakeBfl, job: Job, http: GuardedHttp) -> tuple[str, dict[str, object]]:
    """The model and the body that arrived."""
    accepted = await Bfl().submit(job, http)
    assert isinstance(accepted, Accepted)
    (submit,) = bfl.submits
    return submit.model, submit.input


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    return await Bfl().poll(job, (await Bfl().submit(job, http)).ref, http)


@pytest.mark.parametrize("model", [PRO, "flux-2/flex-text-to-image"])
async def test_size_is_sent_in_pixels(bfl: FakeBfl, http: GuardedHttp, model: str) -> None:
    assert await sent(bfl, job_from(model, "bfl", bfl.url), http) == (
        "flux-2-pro" if model == PRO else "flux-2-flex",
        {"prompt": PROMPT, "width": 1024, "height": 1024, "output_format": "png"},
    )


@pytest.mark.parametrize("ratio", ["1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3"])
@pytest.mark.parametrize("grade", ["1K", "2K"])
async def test_every_size_is_one_the_service_takes(
    bfl: FakeBfl, http: GuardedHttp, ratio: str, grade: str
) -> None:
    _, body = await sent(bfl, job_from(PRO, "bfl", bfl.url, aspect_ratio=ratio, resolution=grade), http)
    across, down = (int(side) for side in ratio.split(":"))
    width, height = body["width"], body["height"]
    assert isinstance(width, int)
    assert isinstance(height, int)
    assert width / height == pytest.approx(across / down, rel=0.03)


async def test_pictures_are_numbered_and_their_shape_is_left_open(
    bfl: FakeBfl, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "input_urls"), picture(tmp_path, "input_urls", 1, reachable=True))
    job = job_from(EDIT, "bfl", bfl.url, files=files, aspect_ratio="auto", prompt="As a linocut")
    assert await sent(bfl, job, http) == (
        "flux-2-pro",
        {
            "prompt": "As a linocut",
            "input_image": base64.b64encode(files[0].path.read_bytes()).decode(),
            "input_image_2": "https://files.example/input_urls-1.png",
            "output_format": "png",
        },
    )


async def test_kontext_has_its_own_words(bfl: FakeBfl, http: GuardedHttp) -> None:
    job = job_from("flux-kontext-max", "bfl", bfl.url, prompt="Snow", watermark="mine", safetyTolerance=3)
    assert await sent(bfl, job, http) == (
        "flux-kontext-max",
        {
            "prompt": "Snow",
            "aspect_ratio": "16:9",
            "output_format": "jpeg",
            "prompt_upsampling": False,
            "safety_tolerance": 3,
        },
    )


async def test_kontext_made_from_words_is_wide(bfl: FakeBfl, http: GuardedHttp) -> None:
    _, body = await sent(bfl, job_from("flux-kontext-pro", "bfl", bfl.url, aspectRatio=None), http)
    assert body["aspect_ratio"] == "16:9"


async def test_kontext_follows_the_picture_it_changes(
    bfl: FakeBfl, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "inputImage", reachable=True),)
    given = {"aspectRatio": None, "inputImage": files[0].url}
    _, body = await sent(bfl, job_from("flux-kontext-pro", "bfl", bfl.url, files=files, **given), http)
    assert body["input_image"] == "https://files.example/inputImage-0.png"
    assert "aspect_ratio" not in body


async def test_picture_has_the_models_documented_result(bfl: FakeBfl, http: GuardedHttp) -> None:
    job = job_from(PRO, "bfl", bfl.url)
    done = await polled(job, http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=bfl.file_url(bfl.submits[0]))]
    assert done.result == {"resultUrls": [{"$file": 0}]}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, FailKind.BAD_INPUT),
        (401, FailKind.AUTH),
        (402, FailKind.QUOTA),
        (403, FailKind.AUTH),
        (404, FailKind.UNSUPPORTED),
        (422, FailKind.BAD_INPUT),
    ],
)
async def test_refusal_status_decides_its_kind(
    bfl: FakeBfl, http: GuardedHttp, code: int, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await Bfl().submit(job_from(PRO, "bfl", bfl.url, prompt=f"A boat [up:refuse={code}]"), http)
    assert refused.value.kind is kind
    assert bfl.submits == []


async def test_rate_limit_says_when_to_come_back(bfl: FakeBfl, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Bfl().submit(job_from(PRO, "bfl", bfl.url, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


async def test_refused_field_is_named(http: GuardedHttp) -> None:
    detail = b'{"detail": [{"loc": ["body", "seed"], "msg": "Input should be an integer", "type": "x"}]}'
    async with raw_server(says(answer(detail, status="422 Unprocessable Entity"))) as server:
        with pytest.raises(Refused) as refused:
            await Bfl().submit(job_from(PRO, "bfl", server.url("")), http)
    assert "body.seed: Input should be an integer" in refused.value.message


async def test_wrong_key_is_refused_without_being_told(bfl: FakeBfl, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Bfl().submit(job_from(PRO, "bfl", bfl.url, key="wrong-key-5678"), http)
    assert refused.value.kind is FailKind.AUTH
    assert "wrong-key-5678" not in refused.value.message


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    bfl: FakeBfl, http: GuardedHttp, lie: str
) -> None:
    job = job_from(PRO, "bfl", bfl.url, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Bfl().submit(job, http)
    assert bfl.count("A boat") == 1
    assert await Bfl().recover(job, http) == Unknown()


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/v1/get_result?id=1",
        "http://api.bfl.ai/v1/get_result?id=1",
        "https://api.bfl.ai.example/x",
        "https://[",
        "file:///etc/passwd",
        "",
        7,
    ],
)
async def test_key_goes_to_no_other_host(http: GuardedHttp, address: object) -> None:
    told = answer(json.dumps({"id": "1", "polling_url": address}).encode())
    async with raw_server(says(told)) as server:
        with pytest.raises(Unreadable):
            await Bfl().submit(job_from(PRO, "bfl", server.url("")), http)
    with pytest.raises(Unreachable):
        await Bfl().poll(job_from(PRO, "bfl", "http://127.0.0.1:9"), str(address), http)


async def test_task_the_service_does_not_know_yet_still_runs(bfl: FakeBfl, http: GuardedHttp) -> None:
    assert await polled(job_from(PRO, "bfl", bfl.url, prompt="A boat [up:lost=1]"), http) == Running()


@pytest.mark.parametrize(
    ("word", "verdict"),
    [("never", Running(progress=40)), ("unknown-state=9", Running()), ("no-file", Running())],
)
async def test_task_without_a_verdict_still_runs(
    bfl: FakeBfl, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job_from(PRO, "bfl", bfl.url, prompt=f"A boat [up:{word}]"), http) == verdict


async def test_moderation_is_told_with_its_reasons(bfl: FakeBfl, http: GuardedHttp) -> None:
    failed = await polled(job_from(PRO, "bfl", bfl.url, prompt="A boat [up:moderated]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is FailKind.MODERATION
    assert "Violence" in failed.message


async def test_failure_is_told_without_the_key(bfl: FakeBfl, http: GuardedHttp) -> None:
    failed = await polled(job_from(PRO, "bfl", bfl.url, prompt="A boat [up:fail] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is FailKind.TRANSIENT
    assert "It broke" in failed.message
    assert bfl.key not in failed.message


@pytest.mark.parametrize("what", ["403", "404", "429", "500", "503", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(bfl: FakeBfl, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(job_from(PRO, "bfl", bfl.url, prompt=f"A boat [up:{what}-while-polling=9]"), http)
