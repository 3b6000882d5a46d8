"""The sandbox's songs: told of in stages, the same for the same task, and true to what they are made from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from souk.catalog.load import load_catalog
from souk.providers.base import Done, MediaFile, ParentRef, Refused, Running
from souk.providers.sandbox import Sandbox
from souk.providers.sandbox.audio_file import read_sound
from souk.providers.sandbox.mixing import SEAM_SECONDS, endless
from souk.providers.sandbox.synth import RATE
from souk.words import JsonObject
from tests.providers.sandbox_jobs import content, folder, given, job, nothing_told, path_of, sound_file

MODELS = load_catalog().models
SHIFT = 2400
"""Samples an encoder may move a sound by."""
ADDRESS = "https://example.com/in.wav"
WISH: JsonObject = {"prompt": "A salt wind", "customMode": False, "instrumental": False, "model": "V5"}
SHORT = WISH | {"duration": 10}
GO_ON: JsonObject = {"uploadUrl": ADDRESS, "defaultParamFlag": False, "prompt": "Go on", "model": "V5"}


class Told:
    """What a run tells, and which tracks lie there by then."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self.stages: list[tuple[str, list[str], int]] = []
        self.data: list[JsonObject] = []

    async def __call__(self, reached: Running) -> None:
        tracks = sorted(path.name for path in self._workdir.glob("*.mp3"))
        self.stages.append((reached.stage, tracks, len(reached.files)))
        self.data.append(reached.data)


async def sung(
    sandbox: Sandbox,
    workdir: Path,
    model: str,
    input: JsonObject,
    files: tuple[MediaFile, ...] = (),
    parents: tuple[ParentRef, ...] = (),
    told: Any = nothing_told,
) -> Done:
    asked = MODELS[model].with_defaults(MODELS[model].check(input).input)
    output = MODELS[model].output_for(input).to_json() | {"seconds_typical": 12.0}
    return await sandbox.run(
        job(MODELS[model].task, asked, output, files, parents=parents), folder(workdir), told
    )


def heard(path: Path) -> np.ndarray[Any, Any]:
    sound = read_sound(path, "file", RATE)
    assert sound is not None
    return sound


def alike(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """How alike two sounds are, up to 1, wherever the encoder may have shifted them by a few samples."""
    count = min(len(one), len(other))
    spectra = [np.fft.rfft(sound[:count], 2 * count) for sound in (one, other)]
    together = np.fft.irfft(spectra[1] * spectra[0].conj())
    loud = float(np.linalg.norm(one[:count]) * np.linalg.norm(other[:count]))
    return float(np.abs(np.concatenate([together[:SHIFT], together[-SHIFT:]])).max()) / loud


def of(done: Done, field: str = "audioId", number: int = 0) -> tuple[tuple[MediaFile], tuple[ParentRef]]:
    """A track as a later job gets it."""
    piece = done.pieces[number]
    assert piece.file is not None
    file = given(field, path_of(done, piece.file), "audio/mpeg")
    return (file,), (ParentRef(field, "b" * 32, "sandbox", "", piece.data, piece.kind),)


async def test_the_words_are_told_before_anything_sounds_and_the_first_track_before_the_second(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    told = Told(tmp_path)
    done = await sung(sandbox, tmp_path, "suno-generate", SHORT, told=told)
    assert told.stages == [("text", [], 0), ("first", ["track0.mp3"], 2)]
    assert told.data[0] == {name: done.pieces[0].data[name] for name in ("lyrics", "title", "tags")}
    assert told.data[1] == {"tracks": done.result["tracks"][:1]}


async def test_one_task_always_gives_the_same_songs(sandbox: Sandbox, tmp_path: Path) -> None:
    runs = [await sung(sandbox, tmp_path / name, "suno-generate", SHORT) for name in "ab"]
    assert content(runs[0], 0) == content(runs[1], 0)
    assert content(runs[0], 0) != content(runs[0], 2)


@pytest.mark.parametrize("model", ["suno-add-vocals", "suno-add-instrumental"])
async def test_what_is_accompanied_stays_audible(sandbox: Sandbox, tmp_path: Path, model: str) -> None:
    own = sound_file(tmp_path / "in.wav", seconds=3, rate=RATE)
    named = {"uploadUrl": ADDRESS, "title": "Pier", "negativeTags": "", "prompt": "la", "style": "folk"}
    input = named if model == "suno-add-vocals" else {**named, "tags": "folk"}
    done = await sung(sandbox, tmp_path, model, input, (given("uploadUrl", own, "audio/wav"),))
    assert alike(heard(own), heard(path_of(done))) > 0.5
    assert "score" not in done.pieces[0].data


async def test_given_audio_goes_on_from_the_moment_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    own = sound_file(tmp_path / "in.wav", seconds=6, rate=RATE)
    input = GO_ON | {"continueAt": 2.5}
    done = await sung(sandbox, tmp_path, "suno-upload-extend", input, (given("uploadUrl", own, "audio/wav"),))
    before, after = heard(own), heard(path_of(done))
    kept, changed = round((2.5 - SEAM_SECONDS) * RATE), round(2.6 * RATE)
    assert alike(before[:kept], after[:kept]) > 0.99
    assert alike(before[changed : 3 * RATE], after[changed : 3 * RATE]) < 0.5

    file, parent = of(done)
    on = {"defaultParamFlag": False, "audioId": "b" * 32, "model": "V5"}
    longer = await sung(sandbox, tmp_path / "on", "suno-extend", on, file, parent)
    assert alike(before[:kept], heard(path_of(longer))[:kept]) > 0.99
    assert longer.result["tracks"][0]["duration"] > done.result["tracks"][0]["duration"]


async def test_a_continued_song_keeps_its_beginning_and_its_words(sandbox: Sandbox, tmp_path: Path) -> None:
    first = await sung(sandbox, tmp_path, "suno-generate", SHORT)
    file, parent = of(first)
    own = {"prompt": "Add a quiet bridge", "style": "folk", "title": "Pier II", "continueAt": 5}
    on = {"defaultParamFlag": True, "audioId": "b" * 32, "model": "V5", **own}
    done = await sung(sandbox, tmp_path / "on", "suno-extend", on, file, parent)
    kept = slice(0, 4 * RATE)
    assert alike(heard(path_of(first))[kept], heard(path_of(done))[kept]) > 0.9
    track = done.result["tracks"][1]
    assert (track["title"], track["tags"]) == ("Pier II", "folk")
    assert track["prompt"].startswith(first.result["tracks"][0]["prompt"])


async def test_a_cover_lasts_as_long_as_what_it_covers(sandbox: Sandbox, tmp_path: Path) -> None:
    own = given("uploadUrl", sound_file(tmp_path / "in.wav", seconds=7), "audio/wav")
    done = await sung(sandbox, tmp_path, "suno-upload-cover", WISH | {"uploadUrl": ADDRESS}, (own,))
    assert [track["duration"] for track in done.result["tracks"]] == [7.0, 7.0]


async def test_audio_past_eight_minutes_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    own = given("uploadUrl", sound_file(tmp_path / "in.wav", seconds=481, rate=8000), "audio/wav")
    with pytest.raises(Refused, match="uploadUrl: the audio lasts 481 seconds"):
        await sung(sandbox, tmp_path, "suno-upload-cover", WISH | {"uploadUrl": ADDRESS}, (own,))


async def test_a_song_does_not_go_on_past_eight_minutes(sandbox: Sandbox, tmp_path: Path) -> None:
    file = given("audioId", sound_file(tmp_path / "in.wav"), "audio/wav")
    long = ParentRef("audioId", "b" * 32, "sandbox", "", {"duration": 480.0}, "song")
    on = {"defaultParamFlag": False, "audioId": "b" * 32, "model": "V5"}
    with pytest.raises(Refused, match="at most 480 seconds"):
        await sung(sandbox, tmp_path, "suno-extend", on, (file,), (long,))


async def test_a_persona_lends_its_voice_and_style(sandbox: Sandbox, tmp_path: Path) -> None:
    manner: JsonObject = {"style": "flamenco", "voice": "m"}
    named = ParentRef("personaId", "c" * 32, "sandbox", "", manner, "persona")
    custom = {"customMode": True, "style": "pop", "title": "Pier", "personaId": "c" * 32}
    done = await sung(sandbox, tmp_path, "suno-generate", SHORT | custom, parents=(named,))
    score = done.pieces[0].data["score"]
    assert (score["voice"], score["style"]) == ("m", "pop, flamenco")
    assert done.result["tracks"][0]["tags"] == "pop"


async def test_a_sound_with_a_tempo_and_a_key_is_a_loop_of_whole_bars(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    asked = {"prompt": "A beat", "soundTempo": 120, "soundKey": "Am", "soundLoop": True}
    done = await sung(sandbox, tmp_path, "suno-sounds", asked)
    assert done.result["tracks"][0]["duration"] % 2 == 0
    assert done.pieces[0].data["score"]["key"] == "Am"


def test_the_end_of_a_loop_leads_into_its_beginning() -> None:
    at = np.arange(round(2.5 * RATE)) / RATE
    wave = np.stack([np.sin(at * 2 * np.pi * 77.3)] * 2, axis=1).astype(np.float32) * 0.5
    loop = endless(wave, 2.0)
    steps = np.abs(np.diff(loop[:, 0]))
    assert len(loop) == 2 * RATE
    assert abs(float(loop[0, 0] - loop[-1, 0])) <= 1.5 * float(steps.max())
