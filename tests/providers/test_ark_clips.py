"""Seedance on Ark: what is sent for each model, and what the states of its tasks mean."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.ark import Ark
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    Job,
    MediaFile,
    OutputFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
    WebhookRequest,
)
from souk.words import FailKind
from tests.providers.jobs import job_from, picture
from tests.upstreams.ark import FakeArk

BOAT = "A paper boat sails down a gutter in spring rain, the camera stays close to the water"
WOMAN = "She turns her head and laughs while leaves blow past"
SECOND = "bytedance/seedance-2"
FAST = "bytedance/seedance-2-fast"


def job_at(ark: FakeArk, model: str = FAST, **given: Any) -> Job:
    return job_from(model, "ark", f"{ark.url}/api/v3", **given)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def frame(name: str, role: str, kind: str = "image_url") -> dict[str, Any]:
    return {"type": kind, kind: {"url": f"https://files.example/{name}"}, "role": role}


def file_of(field: str, media_type: str, name: str, *, reachable: bool = True) -> MediaFile:
    return MediaFile(field, 0, Path("/nowhere"), media_type, 10, f"https://files.example/{name}", reachable)


async def accepted(job: Job, http: GuardedHttp) -> str:
    taken = await Ark().submit(job, http)
    assert isinstance(taken, Accepted)
    return taken.ref


async def sent(ark: FakeArk, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The body that arrived; what every body has is left out."""
    await accepted(job, http)
    (submit,) = ark.submits
    assert submit.input["watermark"] is False
    return {name: value for name, value in submit.input.items() if name != "watermark"}


async def polled(job: Job, http: GuardedHttp) -> Running | Done | Failed:
    return await Ark().poll(job, await accepted(job, http), http)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (
            "bytedance/v1-lite-text-to-video",
            {"model": "seedance-1-0-lite-t2v-250428", "ratio": "16:9", "resolution": "720p", "duration": 5},
        ),
        (
            "bytedance/v1-pro-text-to-video",
            {"model": "seedance-1-0-pro-250528", "ratio": "16:9", "resolution": "720p", "duration": 5},
        ),
        (
            "bytedance/seedance-1.5-pro",
            {
                "model": "seedance-1-5-pro-251215",
                "ratio": "1:1",
                "resolution": "720p",
                "duration": 8,
                "camera_fixed": False,
                "generate_audio": False,
            },
        ),
        (
            "bytedance/seedance-2-mini",
            {
                "model": "dreamina-seedance-2-0-mini-260615",
                "ratio": "16:9",
                "resolution": "720p",
                "duration": 5,
                "generate_audio": False,
            },
        ),
        *(
            (
                name,
                {
                    "model": model,
                    "ratio": "16:9",
                    "resolution": "720p",
                    "duration": 5,
                    "generate_audio": False,
                    "return_last_frame": False,
                },
            )
            for name, model in (
                (SECOND, "dreamina-seedance-2-0-260128"),
                (FAST, "dreamina-seedance-2-0-fast-260128"),
                ("bytedance/seedance-2-5", "dreamina-seedance-2-5-260628"),
            )
        ),
    ],
)
async def test_words_become_a_clip(ark: FakeArk, http: GuardedHttp, model: str, body: dict[str, Any]) -> None:
    assert await sent(ark, job_at(ark, model), http) == {"content": [text(BOAT)], **body}


@pytest.mark.parametrize(
    ("model", "upstream"),
    [
        ("bytedance/v1-lite-image-to-video", "seedance-1-0-lite-i2v-250428"),
        ("bytedance/v1-pro-image-to-video", "seedance-1-0-pro-250528"),
        ("bytedance/v1-pro-fast-image-to-video", "seedance-1-0-pro-fast-251015"),
    ],
)
async def test_picture_begins_the_clip_and_decides_its_shape(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path, model: str, upstream: str
) -> None:
    files = (picture(tmp_path, "image_url", reachable=True),)
    assert await sent(ark, job_at(ark, model, files=files), http) == {
        "model": upstream,
        "content": [text(WOMAN), frame("image_url-0.png", "first_frame")],
        "resolution": "720p",
        "duration": 5,
    }


@pytest.mark.parametrize(
    ("model", "first", "last"),
    [
        ("bytedance/v1-lite-image-to-video", "image_url", "end_image_url"),
        (FAST, "first_frame_url", "last_frame_url"),
        ("bytedance/seedance-2-5", "first_frame_url", "last_frame_url"),
    ],
)
async def test_last_frame_may_be_fixed_too(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path, model: str, first: str, last: str
) -> None:
    files = tuple(picture(tmp_path, name, reachable=True) for name in (first, last))
    given = {name: f"https://files.example/{name}-0.png" for name in (first, last)}
    body = await sent(ark, job_at(ark, model, files=files, **given), http)
    assert body["content"][1:] == [
        frame(f"{first}-0.png", "first_frame"),
        frame(f"{last}-0.png", "last_frame"),
    ]


async def test_two_pictures_begin_and_end_the_clip(ark: FakeArk, http: GuardedHttp, tmp_path: Path) -> None:
    files = tuple(picture(tmp_path, "input_urls", number, reachable=True) for number in range(2))
    given = {"input_urls": [file.url for file in files]}
    body = await sent(ark, job_at(ark, "bytedance/seedance-1.5-pro", files=files, **given), http)
    assert body["content"][1:] == [
        frame("input_urls-0.png", "first_frame"),
        frame("input_urls-1.png", "last_frame"),
    ]


async def test_what_to_draw_from_has_roles(ark: FakeArk, http: GuardedHttp, tmp_path: Path) -> None:
    files = (
        picture(tmp_path, "reference_image_urls"),
        file_of("reference_video_urls", "video/mp4", "walk.mp4"),
        file_of("reference_audio_urls", "audio/wav", "song.wav"),
    )
    given = {file.field: [file.url] for file in files}
    body = await sent(ark, job_at(ark, SECOND, files=files, **given), http)
    inside = base64.b64encode(files[0].path.read_bytes()).decode()
    assert body["content"][1:] == [
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{inside}"},
            "role": "reference_image",
        },
        frame("walk.mp4", "reference_video", "video_url"),
        frame("song.wav", "reference_audio", "audio_url"),
    ]


async def test_frames_and_files_to_draw_from_exclude_each_other(
    ark: FakeArk, http: GuardedHttp, tmp_path: Path
) -> None:
    files = (picture(tmp_path, "first_frame_url"), picture(tmp_path, "reference_image_urls"))
    given = {"first_frame_url": files[0].url, "reference_image_urls": [files[1].url]}
    with pytest.raises(Refused, match="reference_image_urls") as refused:
        await Ark().submit(job_at(ark, SECOND, files=files, **given), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_clip_that_cannot_be_fetched_is_for_another_route(ark: FakeArk, http: GuardedHttp) -> None:
    files = (file_of("reference_video_urls", "video/mp4", "walk.mp4", reachable=False),)
    given = {"reference_video_urls": [files[0].url]}
    with pytest.raises(Refused, match="reference_video_urls") as refused:
        await Ark().submit(job_at(ark, SECOND, files=files, **given), http)
    assert refused.value.kind is FailKind.UNSUPPORTED


async def test_settings_keep_their_meaning(ark: FakeArk, http: GuardedHttp) -> None:
    given = {"camera_fixed": True, "seed": 7, "resolution": "1080p", "duration": "10", "aspect_ratio": "21:9"}
    body = await sent(ark, job_at(ark, "bytedance/v1-pro-text-to-video", **given), http)
    del body["content"], body["model"]
    expected = {"camera_fixed": True, "seed": 7, "resolution": "1080p", "duration": 10, "ratio": "21:9"}
    assert body == expected


async def test_web_search_and_format_are_asked_for(ark: FakeArk, http: GuardedHttp) -> None:
    given = {"web_search": True, "output_format": "mov", "duration": -1}
    body = await sent(ark, job_at(ark, "bytedance/seedance-2-5", **given), http)
    assert body["tools"] == [{"type": "web_search"}]
    assert (body["output_format"], body["duration"]) == ("mov", -1)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("A boat --dur 12 --rs 1080p", "A boat"),
        ("A boat\n--ratio=9:16 in rain", "A boat\n in rain"),
        ("A boat --seed -1", "A boat"),
        ("A boat --wm --cf true", "A boat"),
        ("A boat -- slowly --drifting", "A boat -- slowly --drifting"),
        ("Half--RS 4k", "Half"),
    ],
)
async def test_settings_hidden_in_the_words_are_left_out(
    ark: FakeArk, http: GuardedHttp, prompt: str, words: str
) -> None:
    assert (await sent(ark, job_at(ark, prompt=prompt), http))["content"] == [text(words)]


async def test_clip_has_the_models_documented_result(ark: FakeArk, http: GuardedHttp) -> None:
    done = await polled(job_at(ark), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=ark.file_url(ark.submits[0], kind="video"))]
    assert done.result == {"resultUrls": [{"$file": 0}]}


async def test_last_frame_is_delivered_beside_the_clip(ark: FakeArk, http: GuardedHttp) -> None:
    done = await polled(job_at(ark, return_last_frame=True), http)
    assert isinstance(done, Done)
    assert done.files[1] == OutputFile(url=ark.file_url(ark.submits[0], 1))
    assert done.result == {
        "resultUrls": [{"$file": 0}],
        "firstFrameUrl": [],
        "lastFrameUrl": [{"$file": 1}],
    }


async def test_input_the_service_cannot_open_is_told_as_such(ark: FakeArk, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await Ark().submit(job_at(ark, prompt="A boat [up:unfetched]"), http)
    assert refused.value.kind is FailKind.INPUT_UNREACHABLE


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "no-id", "truncated", "drop-after-accept"])
async def test_answer_that_proves_nothing_leaves_the_outcome_unclear(
    ark: FakeArk, http: GuardedHttp, lie: str
) -> None:
    job = job_at(ark, prompt=f"A boat [up:{lie}]")
    with pytest.raises((Unreadable, MaybeSent)):
        await Ark().submit(job, http)
    assert ark.count("A boat") == 1
    assert await Ark().recover(job, http) == Unknown()


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("never", Running()),
        ("queued", Running(queued=True)),
        ("unknown-state=9", Running()),
        ("no-file", Running()),
    ],
)
async def test_task_without_a_verdict_still_runs(
    ark: FakeArk, http: GuardedHttp, word: str, verdict: Running
) -> None:
    assert await polled(job_at(ark, prompt=f"A boat [up:{word}]"), http) == verdict


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("moderated", FailKind.MODERATION),
        ("fail=InternalServiceError", FailKind.TRANSIENT),
        ("fail=InvalidParameter.Duration", FailKind.BAD_INPUT),
        ("fail=AccountOverdueError", FailKind.QUOTA),
        ("fail=Newly.Invented", FailKind.TRANSIENT),
        ("state=expired", FailKind.TRANSIENT),
        ("state=cancelled", FailKind.TRANSIENT),
    ],
)
async def test_code_of_a_failure_decides_its_kind(
    ark: FakeArk, http: GuardedHttp, word: str, kind: FailKind
) -> None:
    failed = await polled(job_at(ark, prompt=f"A boat [up:{word}]"), http)
    assert isinstance(failed, Failed)
    assert failed.kind is kind


async def test_failure_is_told_without_the_key(ark: FakeArk, http: GuardedHttp) -> None:
    failed = await polled(job_at(ark, prompt="A boat [up:fail] [up:quotes-key]"), http)
    assert isinstance(failed, Failed)
    assert "It broke" in failed.message
    assert ark.key not in failed.message + failed.upstream


@pytest.mark.parametrize("what", ["401", "404", "429", "500", "503", "html", "drop", "truncated", "null"])
async def test_poll_without_a_verdict_ends_nothing(ark: FakeArk, http: GuardedHttp, what: str) -> None:
    with pytest.raises(Unreachable):
        await polled(job_at(ark, prompt=f"A boat [up:{what}-while-polling=9]"), http)


async def test_waiting_task_is_cancelled(ark: FakeArk, http: GuardedHttp) -> None:
    job = job_at(ark, prompt="A boat [up:queued]")
    ref = await accepted(job, http)
    assert await Ark().cancel(job, ref, http)
    assert ark.dropped == {ref}


@pytest.mark.parametrize("word", ["never", "races", "slow=0", "500-while-polling=9", "html-while-polling=9"])
async def test_cancel_that_is_not_confirmed_is_none(ark: FakeArk, http: GuardedHttp, word: str) -> None:
    job = job_at(ark, prompt=f"A boat [up:{word}]")
    assert not await Ark().cancel(job, await accepted(job, http), http)
    assert ark.dropped == set()


async def test_address_for_callbacks_is_sent_where_there_is_one(ark: FakeArk, http: GuardedHttp) -> None:
    job = replace(job_at(ark), webhook_url="https://souk.example/hook")
    await accepted(job, http)
    assert ark.submits[0].callback == "https://souk.example/hook"


@pytest.mark.parametrize(
    ("ref", "body", "meaning"),
    [
        ("cgt-7", {"id": "cgt-7", "status": "succeeded"}, Hint("cgt-7")),
        ("", {"id": "cgt-7", "status": "running"}, Hint("cgt-7")),
        ("cgt-8", {"id": "cgt-7", "status": "succeeded"}, None),
        ("cgt-7", {"status": "succeeded"}, None),
        ("cgt-7", ["cgt-7"], None),
    ],
)
async def test_callback_about_the_task_is_a_hint(
    http: GuardedHttp, ref: str, body: object, meaning: Hint | None
) -> None:
    told = WebhookRequest(job_from(FAST, "ark", "http://127.0.0.1:9"), ref, {}, json.dumps(body).encode())
    assert await Ark().webhook(told, http) == meaning
    assert await Ark().webhook(replace(told, body=b"{"), http) is None
