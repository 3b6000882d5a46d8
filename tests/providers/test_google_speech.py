"""The Gemini API's speech: how a dialogue and its direction are told, and what becomes of bare samples."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Done, Refused
from souk.providers.google import Google
from souk.words import FailKind
from tests.providers.jobs import job_from
from tests.upstreams.google_media import SAMPLES, FakeGoogle

FLASH = "google/gemini-3-1-flash-tts"
ADA = {"speaker_id": "Speaker 1", "voice_name": "Kore", "accent": "Neutral", "style": "Whisper"}
BEN = {"speaker_id": "Speaker 2", "voice_name": "Puck", "accent": "British (RP)", "pace": "Staccato"}
LINES = [
    {"speaker_id": "Speaker 1", "text": "Who is there?"},
    {"speaker_id": "Speaker 2", "text": "The tide."},
]


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    """A fake; whatever it had to complain of fails the test."""
    with FakeGoogle(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


def voice(name: str) -> dict[str, Any]:
    return {"prebuiltVoiceConfig": {"voiceName": name}}


@pytest.mark.parametrize(
    ("model", "upstream", "name", "accent"),
    [
        (FLASH, "gemini-3.1-flash-tts-preview", "Kore", "Neutral"),
        ("google/gemini-2-5-pro-tts", "gemini-2.5-pro-preview-tts", "Puck", "British (RP)"),
    ],
)
async def test_one_reader_has_one_voice(
    google: FakeGoogle, http: GuardedHttp, model: str, upstream: str, name: str, accent: str
) -> None:
    await Google().submit(job_from(model, "google", google.url), http)
    (submit,) = google.submits
    told = f"# Director's notes\nAccent: {accent}\n\n# Transcript\nGood evening, and here is the weather."
    assert (submit.model, submit.input) == (
        upstream,
        {
            "contents": [{"role": "user", "parts": [{"text": told}]}],
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "temperature": 1,
                "speechConfig": {"voiceConfig": voice(name)},
            },
        },
    )


async def test_two_readers_are_told_apart(google: FakeGoogle, http: GuardedHttp) -> None:
    job = job_from(
        FLASH,
        "google",
        google.url,
        speakers=[ADA, BEN],
        dialogue_turns=LINES,
        scene="A quay at night",
        sample_context="Uneasy",
    )
    await Google().submit(job, http)
    body = google.submits[0].input
    assert body["contents"][0]["parts"][0]["text"] == (
        "# Scene\nA quay at night\n\n# Mood\nUneasy\n\n# Director's notes\n"
        "Speaker 1. Style: Whisper; Accent: Neutral\nSpeaker 2. Accent: British (RP); Pace: Staccato\n\n"
        "# Transcript\nSpeaker 1: Who is there?\nSpeaker 2: The tide."
    )
    assert body["generationConfig"]["speechConfig"]["multiSpeakerVoiceConfig"]["speakerVoiceConfigs"] == [
        {"speaker": "Speaker 1", "voiceConfig": voice("Kore")},
        {"speaker": "Speaker 2", "voiceConfig": voice("Puck")},
    ]


async def test_third_reader_goes_to_the_next_route(google: FakeGoogle, http: GuardedHttp) -> None:
    third = {**BEN, "speaker_id": "Speaker 3"}
    job = job_from(FLASH, "google", google.url, speakers=[ADA, BEN, third], dialogue_turns=LINES)
    with pytest.raises(Refused, match="speakers") as caught:
        await Google().submit(job, http)
    assert caught.value.kind is FailKind.UNSUPPORTED
    assert google.submits == []


async def test_bare_samples_become_a_file_that_plays(google: FakeGoogle, http: GuardedHttp) -> None:
    done = await Google().submit(job_from(FLASH, "google", google.url), http)
    assert isinstance(done, Done)
    assert done.result == {"resultUrls": [{"$file": 0}]}
    (file,) = done.files
    assert file.media_type == "audio/wav"
    with wave.open(io.BytesIO(file.data or b"")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24_000, 1, 2)
        assert sound.readframes(48_000) == SAMPLES


async def test_lines_that_break_a_rule_are_moderation(google: FakeGoogle, http: GuardedHttp) -> None:
    lines = [{"speaker_id": "Speaker 1", "text": "[up:end=SAFETY]"}]
    with pytest.raises(Refused) as caught:
        await Google().submit(job_from(FLASH, "google", google.url, dialogue_turns=lines), http)
    assert caught.value.kind is FailKind.MODERATION
