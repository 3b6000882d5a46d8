"""Kling: what is sent for each model, and what its answers mean."""

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
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
    MediaFile,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.kling import Kling
from souk.words import FailKind, Millis
from tests.providers.jobs import job_from
from tests.upstreams.kling import SECRET, FakeKling
from tests.upstreams.raw import answer, raw_server, says
from tests.upstreams.service import KEY

TURBO = "kling/v2-5-turbo-text-to-video-pro"
AVATAR = "kling/ai-avatar-standard"
BOAT = "A paper boat sails down a gutter in spring rain, the camera stays close to the water"
WOMAN = "She turns her head and laughs while leaves blow past"
ID = {"external_task_id": "a" * 32}
TYPES = {
    "image_url": "image/png",
    "image_urls": "image/png",
    "input_urls": "image/png",
    "tail_image_url": "image/png",
    "audio_url": "audio/mpeg",
    "video_urls": "video/mp4",
}


@pytest.fixture
def kling() -> Iterator[FakeKling]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeKling(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def job(server: FakeKling, model: str = TURBO, *files: MediaFile, **input: Any) -> Job:
    return job_at(server.url, model, *files, **input)


def job_at(url: str, model: str = TURBO, *files: MediaFile, **input: Any) -> Job:
    made = job_from(model, "kling", url, files=files, **input)
    opened = replace(made.connection, options={"secret_key": SECRET})
    return replace(made, connection=opened, now=Millis(int(time.time() * 1000)))


def media(folder: Path, field: str, index: int = 0, *, reachable: bool = True, type: str = "") -> MediaFile:
    path = folder / f"{field}-{index}"
    path.write_bytes(b"not really a file")
    url = f"https://files.example/{path.name}"
    return MediaFile(field, index, path, type or TYPES[field], 17, url, reachable)


async def sent(server: FakeKling, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived, and below which path."""
    await Kling().submit(await Kling().prepare(job, http), http)
    (submit,) = server.submits
    return submit.input


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    return await Kling().poll(job, (await Kling().submit(job, http)).ref, http)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (TURBO, {"model_name": "kling-v2-5-turbo", "aspect_ratio": "16:9"}),
        ("kling/v2-1-master-text-to-video", {"model_name": "kling-v2-1-master", "aspect_ratio": "16:9"}),
        ("kling-2.6/text-to-video", {"model_name": "kling-v2-6", "aspect_ratio": "1:1", "sound": "off"}),
    ],
)
async def test_video_is_made_of_words(
    kling: FakeKling, http: GuardedHttp, model: str, expected: dict[str, Any]
) -> None:
    body = {"kind": "text2video", "prompt": BOAT, "mode": "pro", "duration": "5", **ID}
    assert await sent(kling, job(kling, model), http) == body | expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("kling/v2-5-turbo-image-to-video-pro", {"model_name": "kling-v2-5-turbo", "mode": "pro"}),
        ("kling/v2-1-master-image-to-video", {"model_name": "kling-v2-1-master", "mode": "pro"}),
        ("kling/v2-1-pro", {"model_name": "kling-v2-1", "mode": "pro"}),
        ("kling/v2-1-standard", {"model_name": "kling-v2-1", "mode": "std"}),
        ("kling-2.6/image-to-video", {"model_name": "kling-v2-6", "mode": "pro", "sound": "off"}),
    ],
)
async def test_video_starts_with_a_picture(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path, model: str, expected: dict[str, Any]
) -> None:
    field = "image_urls" if model.startswith("kling-2.6") else "image_url"
    body = {"kind": "image2video", "prompt": WOMAN, "duration": "5", **ID}
    body["image"] = f"https://files.example/{field}-0"
    assert await sent(kling, job(kling, model, media(tmp_path, field)), http) == body | expected


async def test_last_frame_and_what_must_not_appear_are_sent(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path
) -> None:
    files = media(tmp_path, "image_url", reachable=False), media(tmp_path, "tail_image_url")
    given = {"negative_prompt": "blur", "tail_image_url": files[1].url, "duration": "10", "cfg_scale": 0.7}
    assert await sent(kling, job(kling, "kling/v2-1-pro", *files, **given), http) == {
        "kind": "image2video",
        "model_name": "kling-v2-1",
        "mode": "pro",
        "prompt": WOMAN,
        "negative_prompt": "blur",
        "duration": "10",
        "image": base64.b64encode(b"not really a file").decode(),
        "image_tail": "https://files.example/tail_image_url-0",
        **ID,
    }


async def test_third_version_takes_two_frames_and_any_length(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path
) -> None:
    files = media(tmp_path, "image_urls"), media(tmp_path, "image_urls", 1)
    given = {"image_urls": [file.url for file in files], "kling_elements": None, "duration": 7, "mode": "std"}
    assert await sent(kling, job(kling, "kling-3.0/video", *files, **given, prompt="Rain"), http) == {
        "kind": "image2video",
        "model_name": "kling-v3",
        "mode": "std",
        "prompt": "Rain",
        "duration": "7",
        "sound": "on",
        "image": "https://files.example/image_urls-0",
        "image_tail": "https://files.example/image_urls-1",
        **ID,
    }


async def test_shots_take_the_place_of_the_prompt(kling: FakeKling, http: GuardedHttp) -> None:
    shots = [{"prompt": "A door opens", "duration": 2}, {"prompt": "A cat walks in", "duration": 4}]
    given = {"image_urls": None, "kling_elements": None, "multi_shots": True, "multi_prompt": shots}
    assert await sent(kling, job(kling, "kling-3.0/video", **given, duration=6), http) == {
        "kind": "text2video",
        "model_name": "kling-v3",
        "mode": "pro",
        "duration": "6",
        "sound": "on",
        "aspect_ratio": "16:9",
        "multi_shot": True,
        "shot_type": "customize",
        "multi_prompt": [
            {"index": 1, "prompt": "A door opens", "duration": "2"},
            {"index": 2, "prompt": "A cat walks in", "duration": "4"},
        ],
        **ID,
    }


@pytest.mark.parametrize(("model", "mode"), [(AVATAR, "std"), ("kling/ai-avatar-pro", "pro")])
async def test_avatar_speaks_a_sound(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path, model: str, mode: str
) -> None:
    files = media(tmp_path, "image_url"), media(tmp_path, "audio_url", reachable=False)
    assert await sent(kling, job(kling, model, *files), http) == {
        "kind": "avatar/image2video",
        "mode": mode,
        "prompt": "A friendly host speaks to the viewer with small gestures",
        "image": "https://files.example/image_url-0",
        "sound_file": base64.b64encode(b"not really a file").decode(),
        **ID,
    }


@pytest.mark.parametrize(
    ("model", "name", "background"),
    [
        ("kling-2.6/motion-control", "kling-v2-6", {}),
        ("kling-3.0/motion-control", "kling-v3", {"background_source": "input_image"}),
    ],
)
@pytest.mark.parametrize(("asked", "mode"), [("720p", "std"), ("1080p", "pro"), ("std", "std")])
async def test_motion_is_copied_from_a_clip(
    kling: FakeKling,
    http: GuardedHttp,
    tmp_path: Path,
    model: str,
    name: str,
    background: dict[str, str],
    asked: str,
    mode: str,
) -> None:
    files = media(tmp_path, "input_urls"), media(tmp_path, "video_urls")
    assert await sent(kling, job(kling, model, *files, mode=asked, **background), http) == {
        "kind": "motion-control",
        "model_name": name,
        "mode": mode,
        "prompt": "He dances like the person in the clip",
        "image_url": "https://files.example/input_urls-0",
        "video_url": "https://files.example/video_urls-0",
        "character_orientation": "video",
        "keep_original_sound": "yes",
        **ID,
    }


@pytest.mark.parametrize(
    ("model", "input", "field"),
    [
        ("kling/v2-1-master-text-to-video", {"prompt": "x" * 2501}, "prompt"),
        ("kling-3.0/video", {}, "kling_elements"),
        ("kling-3.0/video", {"kling_elements": None, "mode": "4K"}, "mode"),
        ("kling-3.0/motion-control", {}, "background_source"),
    ],
)
async def test_what_the_service_lacks_is_left_to_the_next_route(
    kling: FakeKling, http: GuardedHttp, model: str, input: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await Kling().submit(job(kling, model, **input), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert refused.value.message.startswith(f"{field}: ")
    assert not kling.tries


async def test_files_the_service_does_not_take_are_left_to_the_next_route(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path
) -> None:
    picture, speech = media(tmp_path, "image_url"), media(tmp_path, "audio_url")
    person = media(tmp_path, "input_urls")
    for given, field in (
        (job(kling, "kling/v2-1-pro", replace(picture, media_type="image/webp")), "image_url"),
        (job(kling, "kling/v2-1-pro", replace(picture, size=11 << 20)), "image_url"),
        (job(kling, AVATAR, picture, replace(speech, media_type="audio/ogg")), "audio_url"),
        (job(kling, AVATAR, picture, replace(speech, size=6 << 20)), "audio_url"),
        (
            job(kling, "kling-2.6/motion-control", person, media(tmp_path, "video_urls", reachable=False)),
            "video_urls",
        ),
    ):
        with pytest.raises(Refused) as refused:
            await Kling().submit(given, http)
        assert refused.value.kind is FailKind.UNSUPPORTED
        assert refused.value.message.startswith(f"{field}: ")


async def test_clip_has_the_models_documented_result(kling: FakeKling, http: GuardedHttp) -> None:
    done = await polled(job(kling), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=kling.file_url(kling.submits[0], kind="video"))]
    assert done.result == {"resultUrls": [{"$file": 0}]}


async def test_token_that_is_too_old_asks_for_the_clock(kling: FakeKling, http: GuardedHttp) -> None:
    for now in (0, 10**14):
        with pytest.raises(Refused) as refused:
            await Kling().submit(replace(job(kling), now=Millis(now)), http)
        assert refused.value.kind is FailKind.AUTH
        assert "clock" in refused.value.message


async def test_single_key_is_sent_as_it_is(http: GuardedHttp) -> None:
    with FakeKling(signed=False) as server:
        assert isinstance(await Kling().submit(job_from(TURBO, "kling", server.url), http), Accepted)


async def test_refusal_repeats_neither_key_nor_token(kling: FakeKling, http: GuardedHttp) -> None:
    wrong = job(kling)
    wrong = replace(wrong, connection=replace(wrong.connection, options={"secret_key": "another-secret"}))
    with pytest.raises(Refused) as refused:
        await Kling().submit(wrong, http)
    assert refused.value.kind is FailKind.AUTH
    assert "eyJ" not in refused.value.message + refused.value.upstream
    with pytest.raises(Refused) as quoting:
        await Kling().submit(job(kling, prompt="A boat [up:refuse=400] [up:quotes-key]"), http)
    assert KEY not in quoting.value.message + quoting.value.upstream


@pytest.mark.parametrize(
    ("http_code", "code", "kind"),
    [
        (401, 1000, FailKind.AUTH),
        (401, 1001, FailKind.AUTH),
        (401, 1002, FailKind.AUTH),
        (429, 1100, FailKind.QUOTA),
        (429, 1101, FailKind.QUOTA),
        (429, 1102, FailKind.QUOTA),
        (403, 1103, FailKind.UNSUPPORTED),
        (400, 1200, FailKind.BAD_INPUT),
        (400, 1201, FailKind.BAD_INPUT),
        (404, 1202, FailKind.UNSUPPORTED),
        (404, 1203, FailKind.RETIRED),
        (400, 1300, FailKind.MODERATION),
        (400, 1301, FailKind.MODERATION),
        (429, 1302, FailKind.RATE_LIMIT),
        (429, 1303, FailKind.RATE_LIMIT),
        (429, 1304, FailKind.AUTH),
        (200, 1201, FailKind.BAD_INPUT),
        (404, 9999, FailKind.UNSUPPORTED),
        (400, 9999, FailKind.BAD_INPUT),
    ],
)
async def test_refusal_code_decides_its_kind(
    kling: FakeKling, http: GuardedHttp, http_code: int, code: int, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        prompt = f"A boat [up:refuse={http_code}] [up:code={code}]"
        await Kling().submit(job(kling, prompt=prompt), http)
    assert refused.value.kind is kind
    assert refused.value.upstream == f"{http_code} {code}: Not this"
    assert kling.submits == []


async def test_rate_limit_says_when_to_come_back(kling: FakeKling, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Kling().submit(job(kling, prompt="A boat [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


@pytest.mark.parametrize(("http_code", "code"), [(500, 5000), (503, 5001), (504, 5002), (200, 7777)])
async def test_trouble_of_the_service_proves_nothing(
    kling: FakeKling, http: GuardedHttp, http_code: int, code: int
) -> None:
    with pytest.raises(Unreadable):
        await Kling().submit(job(kling, prompt=f"A boat [up:refuse={http_code}] [up:code={code}]"), http)


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
@pytest.mark.parametrize("by_name", [True, False])
async def test_task_whose_answer_was_lost_is_found_again(http: GuardedHttp, lie: str, by_name: bool) -> None:
    with FakeKling(by_name=by_name) as server:
        given = job(server, prompt=f"A boat [up:{lie}]")
        with pytest.raises((Unreadable, MaybeSent)):
            await Kling().submit(given, http)
        (submit,) = server.submits
        assert await Kling().recover(given, http) == Accepted(submit.task_id)


async def test_task_that_is_not_found_may_still_be_there(kling: FakeKling, http: GuardedHttp) -> None:
    await Kling().submit(job(kling), http)
    assert await Kling().recover(replace(job(kling), attempt_id="b" * 32), http) == Unknown()


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("never", Running()),
        ("queued=9", Running(queued=True)),
        ("unknown-state=9", Running()),
        ("no-file", Running()),
    ],
)
async def test_task_without_a_verdict_still_runs(
    kling: FakeKling, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job(kling, prompt=f"A boat [up:{word}]"), http) == verdict


@pytest.mark.parametrize(("word", "kind"), [("moderated", FailKind.MODERATION), ("fail", FailKind.TRANSIENT)])
async def test_failure_is_told_without_the_key(
    kling: FakeKling, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    failed = await polled(job(kling, prompt=f"A boat [up:{word}] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind
    assert KEY not in failed.message + failed.upstream


WHATS = ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"]


@pytest.mark.parametrize("what", WHATS)
async def test_poll_without_a_verdict_ends_nothing(kling: FakeKling, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(job(kling, prompt=f"A boat [up:{what}-while-polling=9]"), http)


async def test_record_of_another_task_is_no_verdict(kling: FakeKling, http: GuardedHttp) -> None:
    with pytest.raises(Unreachable):
        await polled(job(kling, prompt="A boat [up:other]"), http)


async def test_record_without_a_state_is_no_verdict(http: GuardedHttp) -> None:
    told = b'{"code": 0, "message": "SUCCEED", "data": {"task_id": "1"}}'
    async with raw_server(says(answer(told))) as server:
        with pytest.raises(Unreachable):
            await Kling().poll(job_at(server.url("")), "1", http)


async def test_nothing_is_cancelled(kling: FakeKling, http: GuardedHttp) -> None:
    assert await Kling().cancel(job(kling), "any", http) is False
