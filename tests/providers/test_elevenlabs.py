"""ElevenLabs: what is sent for each model, and what its answers mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import MaybeSent, Unreadable
from souk.providers.base import Done, Job, MediaFile, Refused, Unknown, Unreachable
from souk.providers.elevenlabs import ElevenLabs
from souk.words import FailKind
from tests.providers.jobs import CATALOG, job_from
from tests.upstreams.elevenlabs import MP3, FakeElevenLabs
from tests.upstreams.raw import answer, raw_server, says

MULTILINGUAL = "elevenlabs/text-to-speech-multilingual-v2"
TURBO = "elevenlabs/text-to-speech-turbo-2-5"
DIALOGUE = "elevenlabs/text-to-dialogue-v3"
EFFECT = "elevenlabs/sound-effect-v2"
TRANSCRIPT = "elevenlabs/speech-to-text"
ISOLATION = "elevenlabs/audio-isolation"
RACHEL, BRIAN, ALICE = "21m00Tcm4TlvDq8ikWAM", "nPczCjzI2devNBz1zQrb", "Xb7hH8MSUJpSbSDYk0k2"
SETTINGS = {"stability": 0.5, "similarity_boost": 0.75, "style": 0, "speed": 1}
TEXT = "The next train to the coast leaves from platform four."


@pytest.fixture
def labs() -> Iterator[FakeElevenLabs]:
    """A fake; whatever it had to complain of fails the test."""
    with FakeElevenLabs() as server:
        yield server
        assert server.complaints == []


def sound(folder: Path, words: str = "") -> MediaFile:
    """An input sound on disk. What the fake is to do stands in it."""
    path = folder / "audio_url-0"
    path.write_bytes(b"ID3" + words.encode())
    size = path.stat().st_size
    return MediaFile("audio_url", 0, path, "audio/mpeg", size, "https://files.example/speech.mp3")


def job(server: FakeElevenLabs, model: str = MULTILINGUAL, *files: MediaFile, **input: Any) -> Job:
    return job_from(model, "elevenlabs", server.url, files=files, **input)


async def done(job: Job, http: GuardedHttp) -> Done:
    return await ElevenLabs().submit(await ElevenLabs().prepare(job, http), http)


async def sent(server: FakeElevenLabs, job: Job, http: GuardedHttp) -> dict[str, Any]:
    """The path and the body that arrived."""
    await done(job, http)
    (submit,) = server.submits
    return submit.input


async def test_speech_is_asked_of_the_voice_by_its_id(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    assert await sent(labs, job(labs), http) == {
        "path": f"/v1/text-to-speech/{RACHEL}?output_format=mp3_44100_128",
        "text": TEXT,
        "model_id": "eleven_multilingual_v2",
        "voice_settings": SETTINGS,
    }


async def test_turbo_is_told_the_language_and_what_is_around(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    given = job(labs, TURBO, voice=BRIAN, previous_text="Attention.", next_text="Mind the gap.", speed=1.1)
    assert await sent(labs, given, http) == {
        "path": f"/v1/text-to-speech/{BRIAN}?output_format=mp3_44100_128",
        "text": TEXT,
        "model_id": "eleven_turbo_v2_5",
        "voice_settings": {**SETTINGS, "speed": 1.1},
        "language_code": "en",
        "previous_text": "Attention.",
        "next_text": "Mind the gap.",
    }


async def test_dialogue_names_a_voice_with_each_line(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    assert await sent(labs, job(labs, DIALOGUE, language_code="en"), http) == {
        "path": "/v1/text-to-dialogue?output_format=mp3_44100_128",
        "inputs": [
            {"text": "Is the kettle on?", "voice_id": BRIAN},
            {"text": "It has been on for an hour.", "voice_id": ALICE},
        ],
        "model_id": "eleven_v3",
        "settings": {"stability": 0.5},
        "language_code": "en",
    }


async def test_effect_is_made_in_the_format_asked_for(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    given = job(labs, EFFECT, output_format="pcm_24000")
    assert await sent(labs, given, http) == {
        "path": "/v1/sound-generation?output_format=pcm_24000",
        "text": "A wooden door creaks open in an empty hall",
        "loop": False,
        "duration_seconds": 6,
        "prompt_influence": 0.3,
        "model_id": "eleven_text_to_sound_v2",
    }


async def test_raw_sound_keeps_the_type_its_bytes_do_not_show(
    labs: FakeElevenLabs, http: GuardedHttp
) -> None:
    (file,) = (await done(job(labs, EFFECT, output_format="pcm_24000"), http)).files
    assert file.media_type == "audio/pcm"


async def test_sound_to_write_down_travels_with_the_request(
    labs: FakeElevenLabs, http: GuardedHttp, tmp_path: Path
) -> None:
    assert await sent(labs, job(labs, TRANSCRIPT, sound(tmp_path)), http) == {
        "path": "/v1/speech-to-text",
        "model_id": "scribe_v2",
        "tag_audio_events": "true",
        "diarize": "true",
        "file": "sound.mp3 audio/mpeg 3",
    }


async def test_sound_to_clean_travels_with_the_request(
    labs: FakeElevenLabs, http: GuardedHttp, tmp_path: Path
) -> None:
    assert await sent(labs, job(labs, ISOLATION, sound(tmp_path)), http) == {
        "path": "/v1/audio-isolation",
        "audio": "sound.mp3 audio/mpeg 3",
    }


@pytest.mark.parametrize("model", [MULTILINGUAL, TURBO, DIALOGUE, EFFECT, ISOLATION])
async def test_sound_has_the_models_documented_result(
    labs: FakeElevenLabs, http: GuardedHttp, tmp_path: Path, model: str
) -> None:
    result = await done(job(labs, model, sound(tmp_path)), http)
    assert [(file.media_type, file.data) for file in result.files] == [("audio/mpeg", MP3)]
    assert result.result == {"resultUrls": [{"$file": 0}]}


async def test_times_of_the_characters_come_beside_the_speech(
    labs: FakeElevenLabs, http: GuardedHttp
) -> None:
    result = await done(job(labs, text="Hi!", timestamps=True), http)
    assert labs.submits[0].input["path"].startswith(f"/v1/text-to-speech/{RACHEL}/with-timestamps?")
    assert [file.data for file in result.files] == [MP3]
    assert result.result == {
        "resultUrls": [{"$file": 0}],
        "alignment": {
            "characters": ["H", "i", "!"],
            "character_start_times_seconds": [0.0, 0.05, 0.1],
            "character_end_times_seconds": [0.05, 0.1, 0.15],
        },
    }


async def test_transcript_has_the_documented_form_and_the_sounds_length(
    labs: FakeElevenLabs, http: GuardedHttp, tmp_path: Path
) -> None:
    result = await done(job(labs, TRANSCRIPT, sound(tmp_path)), http)
    speaker = {"speaker_id": "speaker_0"}
    assert result.result == {
        "resultObject": {
            "language_code": "eng",
            "language_probability": 0.98,
            "text": "Good day.",
            "words": [
                {"text": "Good", "start": 0.1, "end": 0.3, "type": "word", **speaker},
                {"text": " ", "start": 0.3, "end": 0.4, "type": "spacing", **speaker},
                {"text": "day.", "start": 0.4, "end": 0.8, "type": "word", **speaker},
            ],
        }
    }
    assert (result.files, result.seconds) == ([], 1.5)


async def test_transcript_without_a_length_is_as_long_as_its_words(
    labs: FakeElevenLabs, http: GuardedHttp, tmp_path: Path
) -> None:
    assert (await done(job(labs, TRANSCRIPT, sound(tmp_path, "[up:no-length]")), http)).seconds == 0.8


@pytest.mark.parametrize("voice", ["rachel", " Rachel", RACHEL])
async def test_voice_is_known_in_any_spelling(labs: FakeElevenLabs, http: GuardedHttp, voice: str) -> None:
    assert f"/{RACHEL}?" in (await sent(labs, job(labs, voice=voice), http))["path"]


async def test_every_named_voice_of_the_catalogue_is_known(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    known = CATALOG.models[MULTILINGUAL].schema["properties"]["voice"]["x-known-values"]
    for voice in known:
        await ElevenLabs().prepare(job(labs, voice=voice), http)


@pytest.mark.parametrize(
    ("model", "input", "kind", "field"),
    [
        (MULTILINGUAL, {"voice": "My own/../voice"}, FailKind.UNSUPPORTED, "voice"),
        (MULTILINGUAL, {"language_code": "en"}, FailKind.BAD_INPUT, "language_code"),
        (DIALOGUE, {"dialogue": [{"text": "Hi", "voice": "Nobody"}]}, FailKind.UNSUPPORTED, "dialogue.voice"),
        (
            DIALOGUE,
            {"dialogue": [{"text": "Hi", "voice": f"{number:020d}"} for number in range(11)]},
            FailKind.UNSUPPORTED,
            "dialogue",
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    labs: FakeElevenLabs, http: GuardedHttp, model: str, input: dict[str, Any], kind: FailKind, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await ElevenLabs().prepare(job(labs, model, **input), http)
    assert refused.value.kind is kind
    assert refused.value.message.startswith(f"{field}: ")
    assert not labs.tries


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (400, "anything", FailKind.BAD_INPUT),
        (400, "content_policy_violation", FailKind.MODERATION),
        (400, "max_character_limit_exceeded", FailKind.UNSUPPORTED),
        (400, "model_not_found", FailKind.RETIRED),
        (404, "voice_not_found", FailKind.UNSUPPORTED),
        (401, "invalid_api_key", FailKind.AUTH),
        (401, "quota_exceeded", FailKind.QUOTA),
        (402, "payment_required", FailKind.QUOTA),
        (403, "missing_permissions", FailKind.AUTH),
        (413, "too_large", FailKind.UNSUPPORTED),
        (422, "invalid", FailKind.BAD_INPUT),
        (429, "too_many_concurrent_requests", FailKind.RATE_LIMIT),
        (429, "system_busy", FailKind.TRANSIENT),
    ],
)
async def test_refusal_decides_its_kind(
    labs: FakeElevenLabs, http: GuardedHttp, code: int, status: str, kind: FailKind
) -> None:
    with pytest.raises(Refused) as refused:
        await done(job(labs, text=f"Hello [up:refuse={code}] [up:status={status}]"), http)
    assert refused.value.kind is kind
    assert refused.value.upstream.startswith(f"{code} {status}: ")
    assert labs.submits == []


async def test_rate_limit_says_when_to_come_back(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await done(job(labs, text="Hello [up:429]"), http)
    assert (refused.value.kind, refused.value.retry_after) == (FailKind.RATE_LIMIT, 1.0)


async def test_refused_field_is_named(http: GuardedHttp) -> None:
    detail = b'{"detail": [{"loc": ["body", "text"], "msg": "Field required", "type": "missing"}]}'
    async with raw_server(says(answer(detail, status="422 Unprocessable Entity"))) as server:
        with pytest.raises(Refused) as refused:
            await done(job_from(EFFECT, "elevenlabs", server.url("")), http)
    assert "body.text: Field required" in refused.value.message


async def test_refusal_is_told_without_the_key(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await done(job(labs, text="Hello [up:refuse=400] [up:quotes-key]"), http)
    assert labs.key not in refused.value.message + refused.value.upstream


async def test_wrong_key_is_refused(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    with pytest.raises(Refused) as refused:
        await done(job_from(MULTILINGUAL, "elevenlabs", labs.url, key="wrong-key-5678"), http)
    assert refused.value.kind is FailKind.AUTH


LIES = ["500-after-accept", "html", "truncated", "drop-after-accept", "empty"]


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("timestamps", [False, True])
async def test_answer_without_a_whole_sound_leaves_the_outcome_unclear(
    labs: FakeElevenLabs, http: GuardedHttp, lie: str, timestamps: bool
) -> None:
    given = job(labs, text=f"Hello [up:{lie}]", timestamps=timestamps)
    with pytest.raises((Unreadable, MaybeSent)):
        await done(given, http)
    assert labs.count("Hello") == 1
    assert await ElevenLabs().recover(given, http) == Unknown()


@pytest.mark.parametrize("lie", ["500-after-accept", "html", "truncated", "drop-after-accept", "no-id"])
async def test_answer_without_a_transcript_leaves_the_outcome_unclear(
    labs: FakeElevenLabs, http: GuardedHttp, tmp_path: Path, lie: str
) -> None:
    with pytest.raises((Unreadable, MaybeSent)):
        await done(job(labs, TRANSCRIPT, sound(tmp_path, f"[up:{lie}]")), http)
    assert len(labs.submits) == 1


async def test_broken_base64_leaves_the_outcome_unclear(http: GuardedHttp) -> None:
    told = answer(json.dumps({"audio_base64": "A", "alignment": None}).encode())
    async with raw_server(says(told)) as server:
        with pytest.raises(Unreadable):
            await done(job_from(MULTILINGUAL, "elevenlabs", server.url(""), timestamps=True), http)


async def test_there_is_nothing_to_poll_or_to_cancel(labs: FakeElevenLabs, http: GuardedHttp) -> None:
    with pytest.raises(Unreachable):
        await ElevenLabs().poll(job(labs), "any", http)
    assert await ElevenLabs().cancel(job(labs), "any", http) is False
