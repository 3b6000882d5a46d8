"""Grok clips at xAI: what is sent for each model, and what the states of its clips mean."""

from pathlib import Path
from typing import Any

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
from souk.providers.xai import Xai
from souk.words import FailKind
from tests.providers.jobs import job_from, picture
from tests.upstreams.xai import FakeXai

WORDS = "grok-imagine/text-to-video"
PICTURES = "grok-imagine/image-to-video"
NEWER = "grok-imagine-video-1-5-preview"
BOAT = "A paper boat sails down a gutter in spring rain, the camera stays close to the water"
WOMAN = "She turns her head and laughs while leaves blow past"


def job_at(xai: FakeXai, model: str = WORDS, **given: Any) -> Job:
    return job_from(model, "xai", f"{xai.url}/v1", **given)


async def accepted(job: Job, http: GuardedHttp) -> str:
    taken = await Xai().submit(job, http)
    assert isinstance(taken, Accepted)
    return taken.ref


async def sent(xai: FakeXai, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived."""
    await accepted(job, http)
    (submit,) = xai.submits
    return submit.input


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    return await Xai().poll(job, await accepted(job, http), http)


async def test_words_become_a_clip(xai: FakeXai, http: GuardedHttp) -> None:
    assert await sent(xai, job_at(xai), http) == {
        "model": "grok-imagine-video",
        "prompt": BOAT,
        "duration": 6,
        "resolution": "480p",
        "aspect_ratio": "2:3",
    }


async def test_newer_model_leaves_a_free_shape_open(xai: FakeXai, http: GuardedHttp) -> None:
    assert await sent(xai, job_at(xai, NEWER, resolution="1080p"), http) == {
        "model": "grok-imagine-video-1.5-preview",
        "prompt": WOMAN,
        "duration": 8,
        "resolution": "1080p",
    }


async def test_clip_begins_with_the_one_picture(xai: FakeXai, http: GuardedHttp, tmp_path: Path) -> None:
    files = (picture(tmp_path, "image_urls", reachable=True),)
    assert await sent(xai, job_at(xai, PICTURES, files=files), http) == {
        "model": "grok-imagine-video",
        "prompt": WOMAN,
        "duration": 6,
        "resolution": "480p",
        "image": {"url": "https://files.example/image_urls-0.png"},
    }


@pytest.mark.parametrize("model", [PICTURES, NEWER])
async def test_several_pictures_are_drawn_from(
    xai: FakeXai, http: GuardedHttp, tmp_path: Path, model: str
) -> None:
    files = tuple(picture(tmp_path, "image_urls", number) for number in range(7))
    given = {"image_urls": [file.url for file in files], "aspect_ratio": "9:16"}
    body = await sent(xai, job_at(xai, model, files=files, **given), http)
    assert len(body["reference_images"]) == 7
    assert all(each["url"].startswith("data:image/png;base64,") for each in body["reference_images"])
    assert body["aspect_ratio"] == "9:16"
    assert "image" not in body


async def test_picture_of_an_earlier_task_is_chosen_by_its_number(
    xai: FakeXai, http: GuardedHttp, tmp_path: Path
) -> None:
    files = tuple(picture(tmp_path, "task_id", number, reachable=True) for number in range(3))
    given = {"image_urls": None, "task_id": "0" * 32, "index": 2}
    body = await sent(xai, job_at(xai, PICTURES, files=files, **given), http)
    assert body["image"] == {"url": "https://files.example/task_id-2.png"}


async def test_picture_that_the_earlier_task_lacks_is_a_fault_of_the_input(
    xai: FakeXai, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "task_id"),)
    given = {"image_urls": None, "task_id": "0" * 32, "index": 1}
    with pytest.raises(Refused, match="index") as refused:
        await Xai().submit(job_at(xai, PICTURES, files=files, **given), http)
    assert refused.value.kind is FailKind.BAD_INPUT


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        (WORDS, {"duration": 16}, "duration"),
        (WORDS, {"mode": "fun"}, "mode"),
        (WORDS, {"mode": "spicy"}, "mode"),
        (WORDS, {"resolution": "1080p"}, "resolution"),
        (WORDS, {"prompt": "x" * 4097}, "prompt"),
        (NEWER, {"prompt": None}, "prompt"),
    ],
)
async def test_what_the_api_cannot_do_is_for_another_route(
    xai: FakeXai, http: GuardedHttp, model: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused, match=field) as refused:
        await Xai().submit(job_at(xai, model, **given), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert xai.submits == []


@pytest.mark.parametrize("word", ["slow=0", "no-status"])
async def test_clip_has_the_models_documented_result(xai: FakeXai, http: GuardedHttp, word: str) -> None:
    done = await polled(job_at(xai, prompt=f"A boat [up:{word}]"), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=xai.file_url(xai.submits[0], kind="video"))]
    assert done.result == {"resultUrls": [{"$file": 0}]}


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    xai: FakeXai, http: GuardedHttp, lie: str
) -> None:
    job = job_at(xai, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Xai().submit(job, http)
    assert xai.count("A boat") == 1
    assert await Xai().recover(job, http) == Unknown()


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("202", Running()),
        ("never", Running()),
        ("state=pending", Running(progress=40)),
        ("unknown-state=9", Running()),
        ("no-file", Running()),
    ],
)
async def test_clip_without_a_verdict_is_still_made(
    xai: FakeXai, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job_at(xai, prompt=f"A boat [up:{word}]"), http) == verdict


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("[up:moderated]", FailKind.MODERATION),
        ("[up:fail=invalid_argument]", FailKind.BAD_INPUT),
        ("[up:fail=invalid_argument] [up:why=Rejected by content moderation]", FailKind.MODERATION),
        (
            "[up:fail=invalid_argument] [up:why=Unable to download provided video_url]",
            FailKind.INPUT_UNREACHABLE,
        ),
        ("[up:fail=permission_denied]", FailKind.AUTH),
        ("[up:fail=service_unavailable]", FailKind.TRANSIENT),
        ("[up:fail=newly_invented]", FailKind.TRANSIENT),
        ("[up:state=expired]", FailKind.TRANSIENT),
    ],
)
async def test_failure_is_told_by_its_words_or_its_code(
    xai: FakeXai, http: GuardedHttp, words: str, kind: FailKind
) -> None:
    failed = await polled(job_at(xai, prompt=f"A boat {words}"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind


async def test_failure_is_told_without_the_key(xai: FakeXai, http: GuardedHttp) -> None:
    failed = await polled(job_at(xai, prompt="A boat [up:fail=internal_error] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert "It broke" in failed.message
    assert xai.key not in failed.message + failed.upstream


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(xai: FakeXai, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(job_at(xai, prompt=f"A boat [up:{what}-while-polling=9]"), http)


async def test_clip_cannot_be_cancelled(xai: FakeXai, http: GuardedHttp) -> None:
    job = job_at(xai, prompt="A boat [up:never]")
    assert not await Xai().cancel(job, await accepted(job, http), http)
