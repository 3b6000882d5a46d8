"""Kling: what is sent for each model."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Job, Refused
from souk.providers.kling import Kling
from souk.words import FailKind
from tests.providers.kling_jobs import TURBO, job_on, media
from tests.upstreams.kling import FakeKling

AVATAR = "kling/ai-avatar-standard"
BOAT = "A paper boat sails down a gutter in spring rain, the camera stays close to the water"
WOMAN = "She turns her head and laughs while leaves blow past"
ID = {"external_task_id": "a" * 32}


@pytest.fixture
def kling() -> Iterator[FakeKling]:
    """A fake that finishes at once; whatever it had to complain of fails the test."""
    with FakeKling(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


async def sent(server: FakeKling, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived, and below which path."""
    await Kling().submit(await Kling().prepare(job, http), http)
    (submit,) = server.submits
    return submit.input


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
    assert await sent(kling, job_on(kling, model), http) == body | expected


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
    assert await sent(kling, job_on(kling, model, media(tmp_path, field)), http) == body | expected


async def test_last_frame_and_what_must_not_appear_are_sent(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path
) -> None:
    files = media(tmp_path, "image_url", reachable=False), media(tmp_path, "tail_image_url")
    given = {"negative_prompt": "blur", "tail_image_url": files[1].url, "duration": "10", "cfg_scale": 0.7}
    assert await sent(kling, job_on(kling, "kling/v2-1-pro", *files, **given), http) == {
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
    assert await sent(kling, job_on(kling, "kling-3.0/video", *files, **given, prompt="Rain"), http) == {
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
    assert await sent(kling, job_on(kling, "kling-3.0/video", **given, duration=6), http) == {
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
    assert await sent(kling, job_on(kling, model, *files), http) == {
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
    assert await sent(kling, job_on(kling, model, *files, mode=asked, **background), http) == {
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
        await Kling().submit(job_on(kling, model, **input), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert refused.value.message.startswith(f"{field}: ")
    assert not kling.tries


async def test_a_clip_that_only_this_machine_can_reach_is_left_to_the_next_route(
    kling: FakeKling, http: GuardedHttp, tmp_path: Path
) -> None:
    person, clip = media(tmp_path, "input_urls"), media(tmp_path, "video_urls", reachable=False)
    with pytest.raises(Refused) as refused:
        await Kling().submit(job_on(kling, "kling-2.6/motion-control", person, clip), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert refused.value.message.startswith("video_urls: ")
