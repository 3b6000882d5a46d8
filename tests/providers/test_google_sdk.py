"""Google's own SDK against the fake Gemini API: what it sends is taken, and what the adapter sends is the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types

from souk.net.client import GuardedHttp
from souk.providers.base import Done
from souk.providers.google import Google
from tests.providers.jobs import job_from, picture
from tests.upstreams.google_media import SAMPLES, FakeGoogle
from tests.upstreams.google_omni import FakeOmni, clip_of
from tests.upstreams.service import KEY


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
def sdk(google: FakeGoogle) -> Iterator[genai.Client]:
    with genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=google.url)) as client:
        yield client


def bodies(google: FakeGoogle) -> list[tuple[str, dict[str, Any]]]:
    return [(submit.model, submit.input) for submit in google.submits]


async def test_sdk_sends_the_same_for_a_picture(
    google: FakeGoogle, sdk: genai.Client, http: GuardedHttp, tmp_path: Path
) -> None:
    file = picture(tmp_path, "image_input")
    job = job_from(
        "nano-banana-pro", "google", google.url, files=(file,), aspect_ratio="16:9", resolution="2K"
    )
    await Google().submit(job, http)
    answer = sdk.models.generate_content(
        model="gemini-3-pro-image",
        contents=[
            types.Part.from_text(text=job.input["prompt"]),
            types.Part.from_bytes(data=file.path.read_bytes(), mime_type="image/png"),
        ],
        config=types.GenerateContentConfig(
            response_modalities=["IMAGE"],
            image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K"),
        ),
    )
    ours, theirs = bodies(google)
    assert ours == theirs
    assert [part.inline_data is not None for part in answer.parts or []] == [False, True]


async def test_sdk_sends_the_same_for_speech(
    google: FakeGoogle, sdk: genai.Client, http: GuardedHttp
) -> None:
    job = job_from("google/gemini-3-1-flash-tts", "google", google.url)
    await Google().submit(job, http)
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore"))
    answer = sdk.models.generate_content(
        model="gemini-3.1-flash-tts-preview",
        contents=google.submits[0].prompt,
        config=types.GenerateContentConfig(
            temperature=1,
            response_modalities=["AUDIO"],
            speech_config=types.SpeechConfig(voice_config=voice),
        ),
    )
    ours, theirs = bodies(google)
    assert ours == theirs
    (part,) = answer.parts or []
    assert part.inline_data is not None
    assert part.inline_data.data == SAMPLES


async def test_sdk_sends_the_same_for_a_clip(http: GuardedHttp, tmp_path: Path) -> None:
    with (
        FakeOmni(queue_seconds=0, run_seconds=0) as omni,
        genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=omni.url)) as sdk,
    ):
        file = picture(tmp_path, "image_urls")
        job = job_from(
            "gemini-omni-video", "google", omni.url, files=(file,), prompt="A boat [up:inline]", seed=7
        )
        await Google().submit(job, http)
        ours = omni.submits[0].input
        made: Any = sdk.interactions.create(
            model="gemini-omni-1.1-flash",
            input=ours["input"],
            background=True,
            generation_config={"video_config": {"task": "reference_to_video"}, "seed": 7},
            response_format={
                "type": "video",
                "delivery": "uri",
                "aspect_ratio": "16:9",
                "duration": "8s",
                "resolution": "720p",
            },
        )
        assert omni.submits[1].input == ours
        record: Any = sdk.interactions.get(made.id)
        told = record.model_dump()
        assert (told["status"], told["steps"][-1]["content"][0]["type"]) == ("completed", "video")
        done = await Google().poll(job, made.id, http)
        assert isinstance(done, Done)
        assert done.files[0].data == clip_of(omni.submits[1])
        assert omni.complaints == []
