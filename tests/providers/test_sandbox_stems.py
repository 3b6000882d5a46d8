"""Songs taken apart in the sandbox: whatever the parts are called, together they are the song."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler

from souk.providers.base import Job, MediaFile, ParentRef, Refused
from souk.providers.sandbox import Sandbox
from souk.words import FailKind, JsonObject
from tests.providers.sandbox_jobs import (
    SOUND,
    folder,
    given,
    job,
    nothing_told,
    path_of,
    sound_file,
    text_file,
)

RATE = 44_100
SCORE: JsonObject = {
    "seed": 7,
    "style": "folk, warm",
    "seconds": 8.0,
    "lyrics": "[Verse]\nSalt wind over the pier",
}
NOISE = 0.12
"""Share of a sound's loudness that the compression of its files may add as noise."""


def song(input: JsonObject, data: JsonObject | None = None, media: list[MediaFile] | None = None) -> Job:
    """A job that takes a song with this score apart, or the given sound."""
    made = job("stem-separation", input, SOUND, media or [])
    known = {"score": SCORE} if data is None else data
    parents = [ParentRef("audioId", "a", "sandbox", "", known)] if "audioId" in input else []
    return replace(made, parents=parents)


def together(stems: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """All stems at once."""
    return np.sum(list(stems.values()), axis=0)


def same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Whether two sounds differ by no more than the noise of compression."""
    return loudness(one - other) < NOISE * loudness(other)


def loudness(sound: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt((sound**2).mean()))


def heard(path: Path) -> np.ndarray[Any, Any]:
    """A file's samples for both ears."""
    with av.open(str(path)) as file:
        resampler = AudioResampler(format="fltp", layout="stereo", rate=RATE)
        frames = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def sides_file(path: Path) -> Path:
    """Two seconds of a low, a middle and a high tone; the middle one is in the left ear only."""
    at = np.arange(2 * RATE) / RATE
    low, middle, high = (np.sin(at * 2 * np.pi * hertz) * 0.2 for hertz in (60, 700, 9000))
    both = np.stack([low + middle + high, low + high])
    with av.open(str(path), "w", format="wav") as file:
        stream: Any = file.add_stream("pcm_s16le", rate=RATE)
        stream.layout = "stereo"
        samples = np.ascontiguousarray((both * 32767).astype(np.int16).T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


async def stems_of(sandbox: Sandbox, asked: Job, at: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Each stem's sound by the part it is."""
    done = await sandbox.run(asked, folder(at), nothing_told)
    assert [piece.file for piece in done.pieces] == list(range(len(done.files)))
    assert [piece.kind for piece in done.pieces] == ["stem"] * len(done.files)
    parts = [stem["part"] for stem in done.result["stems"]]
    return {part: heard(path_of(done, number)) for number, part in enumerate(parts)}


async def test_voice_and_the_rest_are_as_loud_together_as_every_instrument(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    two = await stems_of(sandbox, song({"audioId": "a"}), tmp_path / "two")
    many = await stems_of(sandbox, song({"audioId": "a", "type": "split_stem"}), tmp_path / "many")
    assert list(two) == ["vocal", "instrumental"]
    assert len(many) >= 3
    assert same(together(two), together(many))
    assert {sound.shape for sound in (*two.values(), *many.values())} == {(2, 8 * RATE)}


async def test_one_instrument_is_what_it_is_among_all(sandbox: Sandbox, tmp_path: Path) -> None:
    many = await stems_of(sandbox, song({"audioId": "a", "type": "split_stem"}), tmp_path / "many")
    asked = song({"audioId": "a", "type": "split_stem_advanced", "stemName": "Vocals"})
    one = await stems_of(sandbox, asked, tmp_path / "one")
    assert list(one) == ["vocal"]
    assert same(one["vocal"], many["vocal"])


async def test_an_instrument_that_does_not_play_cannot_be_taken_out(sandbox: Sandbox, tmp_path: Path) -> None:
    bare = {"score": {"seed": 1, "style": "solo piano", "seconds": 4.0, "instrumental": True}}
    asked = song({"audioId": "a", "type": "split_stem_advanced", "stemName": "Vocals"}, bare)
    with pytest.raises(Refused, match="There is no Vocals in it") as refusal:
        await sandbox.run(asked, tmp_path, nothing_told)
    assert refusal.value.kind is FailKind.BAD_INPUT


@pytest.mark.parametrize("field", ["audioUrl", "audioId"])
@pytest.mark.parametrize("kind", ["separate_vocal", "split_stem"])
async def test_sound_without_a_score_is_taken_apart_and_adds_up(
    sandbox: Sandbox, tmp_path: Path, field: str, kind: str
) -> None:
    whole = sides_file(tmp_path / "in.wav")
    asked = song({field: "x", "type": kind}, {}, [given(field, whole, "audio/wav")])
    stems = await stems_of(sandbox, asked, tmp_path / "out")
    assert same(together(stems), heard(whole))


async def test_sound_is_taken_apart_by_pitch_and_side(sandbox: Sandbox, tmp_path: Path) -> None:
    whole = given("audioUrl", sides_file(tmp_path / "in.wav"), "audio/wav")
    stems = await stems_of(
        sandbox, song({"audioUrl": "x", "type": "split_stem"}, {}, [whole]), tmp_path / "out"
    )
    levels = {part: loudness(sound[:, RATE // 2 : -RATE // 2]) for part, sound in stems.items()}
    assert levels["bass"] == pytest.approx(0.141, abs=0.01)
    assert levels["drums"] == pytest.approx(0.141, abs=0.02)
    assert levels["vocal"] == pytest.approx(levels["guitar"], abs=0.01)


async def test_a_silent_clip_cannot_be_taken_apart(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = song({"audioUrl": "x"}, {}, [given("audioUrl", text_file(tmp_path / "no.mp3"), "audio/mpeg")])
    with pytest.raises(Refused, match="file of audioUrl"):
        await sandbox.run(asked, tmp_path / "out", nothing_told)


async def notes_of(sandbox: Sandbox, at: Path, *stems: JsonObject) -> list[JsonObject]:
    parents = [ParentRef("stems", str(number), "sandbox", "", data) for number, data in enumerate(stems)]
    asked = replace(job("audio-to-midi", {}, {"kind": "json", "count": 0}), parents=parents)
    return (await sandbox.run(asked, at, nothing_told)).result["instruments"]


async def test_notes_of_stems_are_those_of_their_parts(sandbox: Sandbox, tmp_path: Path) -> None:
    found = await notes_of(
        sandbox, tmp_path, {"score": SCORE, "parts": ["vocal"]}, {"score": SCORE, "parts": ["bass"]}
    )
    assert [instrument["name"] for instrument in found] == ["Vocals", "Bass"]
    for instrument in found:
        assert instrument["notes"]
        for note in instrument["notes"]:
            assert 0 <= note["start"] < note["end"] <= 8.5
            assert 0 < note["velocity"] <= 1


async def test_sound_without_a_score_has_no_notes(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await notes_of(sandbox, tmp_path, {"part": "vocal"}) == []


async def test_lyrics_come_in_two_versions(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = job("lyrics", {"prompt": "A short song about morning coffee"}, {"kind": "json", "count": 0})
    first, second = (await sandbox.run(asked, tmp_path, nothing_told)).result["variants"]
    assert first["text"] != second["text"]
    for variant in (first, second):
        assert variant["title"]
        assert variant["text"].startswith("[Verse")


def voice(at: Path, **input: Any) -> Job:
    recording = given("voiceUrl", sound_file(at / "me.wav", 2.0), "audio/wav")
    return job(
        "voice-phrase", {"vocalStartS": 0, "vocalEndS": 2} | input, {"kind": "json", "count": 0}, [recording]
    )


async def test_a_phrase_is_in_the_language_that_is_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    said = {
        language: (await sandbox.run(voice(tmp_path, language=language), tmp_path, nothing_told)).result[
            "validateInfo"
        ]
        for language in ("en", "ja", "ru")
    }
    assert said["en"].isascii()
    assert any("\u3040" <= letter <= "\u30ff" for letter in said["ja"])
    assert any("\u0400" <= letter <= "\u04ff" for letter in said["ru"])


async def test_another_phrase_is_another_one(sandbox: Sandbox, tmp_path: Path) -> None:
    first = (await sandbox.run(voice(tmp_path), tmp_path, nothing_told)).result["validateInfo"]
    second = (await sandbox.run(voice(tmp_path, avoid=first), tmp_path, nothing_told)).result["validateInfo"]
    assert first != second


async def test_a_voice_that_begins_after_the_recording_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="vocalStartS is 5, and the recording lasts 2"):
        await sandbox.run(voice(tmp_path, vocalStartS=5, vocalEndS=9), tmp_path, nothing_told)
