"""Wan and HappyHorse at DashScope: what each model's example becomes, and what cannot be asked."""

from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Done, OutputFile, Refused
from souk.words import FailKind
from tests.providers.dashscope_jobs import job_at, polled, sent, submitted
from tests.upstreams.dashscope import SIZES, FakeDashScope

BOAT = "A paper boat sails down a gutter in spring rain, the camera stays close to the water"
LAUGH = "She turns her head and laughs while leaves blow past"
BRIDGE = "She walks over a bridge and waves"
AUTUMN = "Make it autumn, with leaves all over the road"
WOMAN = "https://example.com/woman.png"
WALK = "https://example.com/walk.mp4"
VOICE = "https://example.com/voice.mp3"
R2V = "wan/2-7-r2v"


def media(role: str, url: str) -> list[dict[str, str]]:
    return [{"type": role, "url": url}]


@pytest.mark.parametrize(
    ("model", "upstream", "input", "parameters"),
    [
        (
            "wan/2-5-text-to-video",
            "wan2.5-t2v-preview",
            {"prompt": BOAT},
            {"size": "1280*720", "duration": 5},
        ),
        (
            "wan/2-5-image-to-video",
            "wan2.5-i2v-preview",
            {"prompt": LAUGH, "img_url": WOMAN},
            {"resolution": "720P", "duration": 5},
        ),
        (
            "wan/2-6-text-to-video",
            "wan2.6-t2v",
            {"prompt": BOAT},
            {"size": "1920*1080", "duration": 5, "shot_type": "single"},
        ),
        (
            "wan/2-6-image-to-video",
            "wan2.6-i2v",
            {"prompt": LAUGH, "img_url": WOMAN},
            {"resolution": "1080P", "duration": 5, "shot_type": "single"},
        ),
        (
            "wan/2-6-flash-image-to-video",
            "wan2.6-i2v-flash",
            {"prompt": LAUGH, "img_url": WOMAN},
            {"resolution": "1080P", "duration": 5, "audio": False},
        ),
        (
            "wan/2-6-video-to-video",
            "wan2.6-r2v",
            {"prompt": AUTUMN, "reference_urls": [WALK]},
            {"size": "1920*1080", "duration": 5, "shot_type": "single"},
        ),
        (
            "wan/2-6-flash-video-to-video",
            "wan2.6-r2v-flash",
            {"prompt": AUTUMN, "reference_urls": [WALK]},
            {"size": "1920*1080", "duration": 5, "audio": False},
        ),
        (
            "wan/2-7-text-to-video",
            "wan2.7-t2v",
            {"prompt": BOAT},
            {"resolution": "1080P", "ratio": "16:9", "duration": 5, "prompt_extend": True},
        ),
        (
            "wan/2-7-image-to-video",
            "wan2.7-i2v",
            {"prompt": LAUGH, "media": media("first_frame", WOMAN)},
            {"resolution": "720P", "duration": 5, "prompt_extend": True},
        ),
        (
            R2V,
            "wan2.7-r2v",
            {"prompt": BRIDGE, "media": media("reference_image", WOMAN)},
            {"resolution": "720P", "ratio": "16:9", "duration": 5, "prompt_extend": True},
        ),
        (
            "wan/2-7-videoedit",
            "wan2.7-videoedit",
            {"prompt": AUTUMN, "media": media("video", WALK)},
            {"resolution": "1080P", "audio_setting": "auto", "prompt_extend": True},
        ),
        (
            "happyhorse-1-1/text-to-video",
            "happyhorse-1.1-t2v",
            {"prompt": BOAT},
            {"resolution": "1080P", "ratio": "16:9", "duration": 5},
        ),
        (
            "happyhorse-1-1/image-to-video",
            "happyhorse-1.1-i2v",
            {"prompt": LAUGH, "media": media("first_frame", WOMAN)},
            {"resolution": "1080P", "duration": 5},
        ),
        (
            "happyhorse-1-1/reference-to-video",
            "happyhorse-1.1-r2v",
            {"prompt": BRIDGE, "media": media("reference_image", WOMAN)},
            {"resolution": "1080P", "ratio": "16:9", "duration": 5},
        ),
        (
            "happyhorse/text-to-video",
            "happyhorse-1.0-t2v",
            {"prompt": BOAT},
            {"resolution": "1080P", "ratio": "16:9", "duration": 5},
        ),
        (
            "happyhorse/image-to-video",
            "happyhorse-1.0-i2v",
            {"prompt": LAUGH, "media": media("first_frame", WOMAN)},
            {"resolution": "1080P", "duration": 5},
        ),
        (
            "happyhorse/reference-to-video",
            "happyhorse-1.0-r2v",
            {"prompt": BRIDGE, "media": media("reference_image", WOMAN)},
            {"resolution": "1080P", "ratio": "16:9", "duration": 5},
        ),
        (
            "happyhorse/video-edit",
            "happyhorse-1.0-video-edit",
            {"prompt": AUTUMN, "media": media("video", WALK)},
            {"resolution": "1080P", "audio_setting": "auto"},
        ),
    ],
)
async def test_example_becomes_the_upstreams_request(
    dashscope: FakeDashScope,
    http: GuardedHttp,
    model: str,
    upstream: str,
    input: dict[str, Any],
    parameters: dict[str, Any],
) -> None:
    assert await sent(dashscope, job_at(dashscope, model), http) == {
        "model": upstream,
        "input": input,
        "parameters": {"watermark": False, **parameters},
    }


async def test_settings_of_the_older_models_are_sent(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    given = {"negative_prompt": "blur", "enable_prompt_expansion": False, "seed": 7, "duration": "10"}
    job = job_at(dashscope, "wan/2-5-text-to-video", aspect_ratio="9:16", resolution="1080p", **given)
    body = await sent(dashscope, job, http)
    assert body["input"] == {"prompt": BOAT, "negative_prompt": "blur"}
    assert body["parameters"] == {
        "size": "1080*1920",
        "duration": 10,
        "prompt_extend": False,
        "seed": 7,
        "watermark": False,
    }


@pytest.mark.parametrize("tier", ["720p", "1080p"])
@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1"])
async def test_size_has_the_asked_shape(
    dashscope: FakeDashScope, http: GuardedHttp, tier: str, ratio: str
) -> None:
    job = job_at(dashscope, "wan/2-5-text-to-video", aspect_ratio=ratio, resolution=tier)
    size = (await sent(dashscope, job, http))["parameters"]["size"]
    width, height = map(int, size.split("*"))
    across, down = map(int, ratio.split(":"))
    assert size in SIZES
    assert width * down == height * across


async def test_several_shots_are_asked_for(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    body = await sent(dashscope, job_at(dashscope, "wan/2-6-text-to-video", multi_shots=True), http)
    assert body["parameters"]["shot_type"] == "multi"


async def test_frames_and_sound_have_their_roles(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    given = {"last_frame_url": "https://example.com/last.png", "driving_audio_url": VOICE, "watermark": True}
    body = await sent(dashscope, job_at(dashscope, "wan/2-7-image-to-video", **given), http)
    assert body["input"]["media"] == [
        {"type": "first_frame", "url": WOMAN},
        {"type": "last_frame", "url": "https://example.com/last.png"},
        {"type": "driving_audio", "url": VOICE},
    ]
    assert body["parameters"]["watermark"] is True


async def test_clip_is_carried_on(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    job = job_at(dashscope, "wan/2-7-image-to-video", first_frame_url=None, first_clip_url=WALK)
    assert (await sent(dashscope, job, http))["input"]["media"] == media("first_clip", WALK)


async def test_sound_of_a_clip_made_from_words_is_an_input(
    dashscope: FakeDashScope, http: GuardedHttp
) -> None:
    body = await sent(dashscope, job_at(dashscope, "wan/2-7-text-to-video", audio_url=VOICE), http)
    assert body["input"] == {"prompt": BOAT, "audio_url": VOICE}


async def test_voice_goes_with_the_only_reference(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    job = job_at(dashscope, R2V, reference_voice=VOICE, first_frame=WOMAN)
    assert (await sent(dashscope, job, http))["input"]["media"] == [
        {"type": "first_frame", "url": WOMAN},
        {"type": "reference_image", "url": WOMAN, "reference_voice": VOICE},
    ]


async def test_edit_can_have_a_length_and_a_shape(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    job = job_at(dashscope, "wan/2-7-videoedit", duration=4, aspect_ratio="1:1", audio_setting="origin")
    parameters = (await sent(dashscope, job, http))["parameters"]
    assert (parameters["duration"], parameters["ratio"], parameters["audio_setting"]) == (4, "1:1", "origin")


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        ("wan/2-6-text-to-video", {"prompt": "a" * 1501}, "prompt"),
        ("wan/2-5-text-to-video", {"seed": -1}, "seed"),
        (R2V, {"reference_voice": VOICE, "reference_video": [WALK]}, "reference_voice"),
    ],
)
async def test_what_cannot_be_asked_is_left_to_the_next_route(
    dashscope: FakeDashScope, http: GuardedHttp, model: str, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await submitted(job_at(dashscope, model, **given), http)
    assert refused.value.kind is FailKind.UNSUPPORTED
    assert refused.value.message.startswith(f"{field}: ")
    assert dashscope.submits == []


async def test_clip_has_the_models_documented_result(dashscope: FakeDashScope, http: GuardedHttp) -> None:
    done = await polled(job_at(dashscope, R2V), http)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=dashscope.file_url(dashscope.submits[0], kind="video"))]
    assert done.result == {"resultUrls": [{"$file": 0}]}


@pytest.mark.parametrize(("given", "sent_seed"), [({"seed": None}, None), ({"seed": 0}, 0), ({"seed": 5}, 5)])
async def test_a_seed_is_sent_if_someone_asked_for_it(
    dashscope: FakeDashScope, http: GuardedHttp, given: dict[str, Any], sent_seed: int | None
) -> None:
    job = job_at(dashscope, "happyhorse/text-to-video", **given)
    assert "seed" in job.input  # the catalogue has a default
    assert (await sent(dashscope, job, http))["parameters"].get("seed") == sent_seed
