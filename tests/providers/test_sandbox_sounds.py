"""The sandbox's sounds and readings: asked formats and rates, lengths that follow the text, timed transcripts."""

from pathlib import Path

import av
import numpy as np
import pytest

from souk.providers.base import NewPiece, Refused
from souk.providers.sandbox import Sandbox
from souk.words import FailKind, JsonObject
from tests.providers.sandbox_jobs import (
    SOUND,
    clip_file,
    content,
    folder,
    given,
    grey,
    job,
    notes_of,
    nothing_told,
    path_of,
    picture,
    picture_file,
    seconds_of,
    sound_file,
)

TRANSCRIPT: JsonObject = {"kind": "text", "media_type": "application/json", "extension": "json", "count": 0}


async def made(sandbox: Sandbox, at: Path, task: str, input: JsonObject, output: JsonObject) -> Path:
    done = await sandbox.run(job(task, input, output), folder(at), nothing_told)
    return path_of(done)


@pytest.mark.parametrize(
    ("extension", "rate", "codec"),
    [
        ("mp3", 44_100, "mp3float"),
        ("mp3", 22_050, "mp3float"),
        ("wav", 16_000, "pcm_s16le"),
        ("ogg", 48_000, "opus"),
    ],
)
async def test_sound_has_the_asked_format_rate_and_length(
    sandbox: Sandbox, tmp_path: Path, extension: str, rate: int, codec: str
) -> None:
    asked = {**SOUND, "extension": extension, "sample_rate": rate, "seconds": 2.0}
    path = await made(sandbox, tmp_path, "sound-effect", {"text": "thunder"}, asked)
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate) == (codec, rate)
    assert seconds_of(path, "audio") == pytest.approx(2.0, abs=0.06)
    assert "SANDBOX" in notes_of(path)


@pytest.mark.parametrize(
    ("extension", "rate", "bytes_each"), [("pcm", 16_000, 2), ("ulaw", 8000, 1), ("alaw", 8000, 1)]
)
async def test_raw_sound_has_exactly_its_samples(
    sandbox: Sandbox, tmp_path: Path, extension: str, rate: int, bytes_each: int
) -> None:
    asked = {**SOUND, "extension": extension, "sample_rate": rate, "seconds": 1.0}
    done = await sandbox.run(job("sound-effect", {"text": "rain"}, asked), tmp_path, nothing_told)
    assert len(content(done)) == rate * bytes_each


async def test_speech_is_as_long_as_its_text(sandbox: Sandbox, tmp_path: Path) -> None:
    short = await made(sandbox, tmp_path / "1", "text-to-speech", {"text": "Good morning."}, SOUND)
    long = await made(sandbox, tmp_path / "2", "text-to-speech", {"text": "Good morning. " * 6}, SOUND)
    assert seconds_of(long, "audio") > 4 * seconds_of(short, "audio")


async def test_speech_slows_down_and_speeds_up_as_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    text = "A harbour at dusk, and one small boat."
    slow = await made(sandbox, tmp_path / "1", "text-to-speech", {"text": text, "speed": 0.8}, SOUND)
    fast = await made(sandbox, tmp_path / "2", "text-to-speech", {"text": text, "speed": 1.2}, SOUND)
    assert seconds_of(slow, "audio") > 1.3 * seconds_of(fast, "audio")


async def test_dialogue_speaks_every_turn(sandbox: Sandbox, tmp_path: Path) -> None:
    turns = [
        {"text": "Hello, who is there?", "voice": "Ann"},
        {"text": "Only me, do not worry.", "voice": "Bob"},
    ]
    one = await made(sandbox, tmp_path / "1", "dialogue", {"dialogue": turns[:1]}, SOUND)
    two = await made(sandbox, tmp_path / "2", "dialogue", {"dialogue": turns}, SOUND)
    assert seconds_of(two, "audio") > 1.7 * seconds_of(one, "audio")


async def test_isolation_keeps_the_length_of_the_given_sound(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("audio_url", sound_file(tmp_path / "in.wav", 1.5), "audio/wav")]
    done = await sandbox.run(job("audio-isolation", {}, SOUND, files), tmp_path, nothing_told)
    assert seconds_of(path_of(done), "audio") == pytest.approx(1.5, abs=0.06)


async def test_transcript_words_lie_where_the_sound_is(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("audio_url", sound_file(tmp_path / "in.wav", 3.0), "audio/wav")]
    done = await sandbox.run(job("speech-to-text", {}, TRANSCRIPT, files), tmp_path, nothing_told)
    found = done.result["resultObject"]
    words = [entry for entry in found["words"] if entry["type"] == "word"]
    assert " ".join(entry["text"] for entry in words) == found["text"]
    assert words[0]["start"] < 0.1
    assert 1.2 < words[-1]["end"] <= 1.55  # the second half of the file is silent
    assert all(entry["start"] <= entry["end"] for entry in found["words"])
    assert done.seconds == pytest.approx(3.0, abs=0.05)


async def test_transcript_of_sandbox_speech_says_what_was_spoken(sandbox: Sandbox, tmp_path: Path) -> None:
    text = "The lamps of the market are lit."
    path = await made(sandbox, tmp_path / "speech", "text-to-speech", {"text": text}, SOUND)
    done = await sandbox.run(
        job("speech-to-text", {}, TRANSCRIPT, [given("audio_url", path, "audio/mpeg")]),
        tmp_path,
        nothing_told,
    )
    found = done.result["resultObject"]
    assert found["text"] == text
    assert found["words"][-1]["end"] <= seconds_of(path, "audio")


async def test_transcript_of_a_silent_clip_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("audio_url", clip_file(tmp_path / "silent.mp4"), "video/mp4")]
    with pytest.raises(Refused, match="no sound") as refusal:
        await sandbox.run(job("speech-to-text", {}, TRANSCRIPT, files), tmp_path, nothing_told)
    assert refusal.value.kind is FailKind.BAD_INPUT


async def test_segments_are_masks_of_the_pictures_size(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("image_url", picture_file(tmp_path / "in.png", (120, 90)), "image/png")]
    done = await sandbox.run(
        job("segmentation", {}, {"kind": "json", "count": 1}, files), tmp_path, nothing_told
    )
    found = done.result["resultObject"]
    assert found["segments_count"] == len(found["segments"]) == len(done.files) >= 2
    assert [segment["maskUrl"] for segment in found["segments"]] == [
        {"$file": n} for n in range(len(done.files))
    ]
    assert picture(path_of(done)).size == (120, 90)
    assert set(np.unique(grey(path_of(done)))) <= {0, 255}


async def test_detection_answers_in_the_models_own_shape(sandbox: Sandbox, tmp_path: Path) -> None:
    files = [given("image_url", picture_file(tmp_path / "in.png"), "image/png")]
    yes = {"kind": "json", "count": 0, "result": {"resultObject": {"subject_status": 1}}}
    masks = {"kind": "json", "count": 1, "result": {"resultObject": {"mask_urls": {"$files": "all"}}}}
    first = await sandbox.run(job("detection", {}, yes, files), tmp_path, nothing_told)
    second = await sandbox.run(job("detection", {}, masks, files), tmp_path, nothing_told)
    assert (first.result, list(first.files)) == ({"resultObject": {"subject_status": 1}}, [])
    assert second.result == {"resultObject": {"mask_urls": [{"$file": 0}]}}


async def test_character_is_a_new_piece(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = {"kind": "json", "count": 0, "pieces": ["character"], "result": {"character_id": {"$piece": 0}}}
    done = await sandbox.run(
        job("character", {"character_prompt": "a puppet"}, asked), tmp_path, nothing_told
    )
    assert list(done.pieces) == [NewPiece("character")]
    assert done.result == {"character_id": {"$piece": 0}}
