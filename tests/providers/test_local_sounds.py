"""The local engine's sound work: WAV files and conversions, decoded and compared sample by sample."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from souk.providers.base import ParentRef, Refused
from souk.providers.local import LocalEngine
from souk.words import FailKind
from tests.providers.local_jobs import done, samples_of, tone, work, write_clip, write_sound
from tests.providers.sandbox_jobs import given, notes_of, path_of, seconds_of, text_file


async def test_wav_has_exactly_the_samples_of_its_source(local: LocalEngine, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "song.mp3", tone(1.7), tone(1.7, 660))
    made = await done(local, tmp_path, work("wav", [given("audioId", source, "audio/mpeg")]))
    assert made.result == {"resultUrls": [{"$file": 0}]}
    assert made.files[0].media_type == "audio/wav"
    with av.open(str(path_of(made))) as file:
        stream: Any = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("pcm_s16le", 44_100, 2)
    assert np.array_equal(samples_of(path_of(made)), samples_of(source))


@pytest.mark.parametrize(("rate", "studio"), [(22_050, 44_100), (48_000, 48_000), (96_000, 48_000)])
async def test_wav_comes_at_a_rate_of_studios(
    local: LocalEngine, tmp_path: Path, rate: int, studio: int
) -> None:
    source = write_sound(tmp_path / "in.wav", tone(1.0, rate=rate), rate=rate)
    made = await done(local, tmp_path, work("wav", [given("audioId", source, "audio/wav")]))
    found = samples_of(path_of(made))
    assert len(found) == studio
    wave = np.abs(np.fft.rfft(found[:, 0]))
    assert int(wave.argmax()) == 440  # one second: the place is the pitch


async def test_the_song_that_is_named_is_taken_among_those_of_its_task(
    local: LocalEngine, tmp_path: Path
) -> None:
    songs = [write_sound(tmp_path / f"{hertz}.wav", tone(1.0, hertz)) for hertz in (300, 500)]
    files = [given("taskId", song, "audio/wav", number * 2) for number, song in enumerate(songs)]
    parents = [
        ParentRef("taskId", "t", "sandbox", ""),
        ParentRef("audioId", "a", "sandbox", "", {"title": "Two"}),
    ]
    job = work("wav", [*files, given("audioId", songs[1], "audio/wav", 2)], parents=parents)
    found = samples_of(path_of(await done(local, tmp_path, job)))
    assert int(np.abs(np.fft.rfft(found[:, 0])).argmax()) == 500


@pytest.mark.parametrize(
    ("extension", "media_type", "codec", "rate"),
    [
        ("mp3", "audio/mpeg", "mp3float", 32_000),
        ("wav", "audio/wav", "pcm_s16le", 32_000),
        ("flac", "audio/flac", "flac", 32_000),
        ("m4a", "audio/mp4", "aac", 32_000),
        ("ogg", "audio/ogg", "opus", 48_000),
    ],
)
async def test_sound_is_converted_keeping_rate_channels_and_length(
    local: LocalEngine, tmp_path: Path, extension: str, media_type: str, codec: str, rate: int
) -> None:
    source = write_sound(tmp_path / "in.wav", tone(1.5, rate=32_000), tone(1.5, 660, 32_000), rate=32_000)
    job = work("convert-audio", [given("audio_url", source, "audio/wav")], output={"extension": extension})
    made = await done(local, tmp_path, job)
    assert made.files[0].media_type == media_type
    with av.open(str(path_of(made))) as file:
        stream: Any = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == (codec, rate, 2)
    assert seconds_of(path_of(made), "audio") == pytest.approx(1.5, abs=0.06)
    left, right = samples_of(path_of(made), 48_000)[4800:52_800].T  # the first second but one tenth
    assert [int(np.abs(np.fft.rfft(side)).argmax()) for side in (left, right)] == [440, 660]


async def test_lossless_formats_keep_every_sample(local: LocalEngine, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", tone(1.0))
    job = work("convert-audio", [given("audio_url", source, "audio/wav")], output={"extension": "flac"})
    assert np.array_equal(samples_of(path_of(await done(local, tmp_path, job))), samples_of(source))


async def test_asked_rate_channels_and_bit_rate_are_given(local: LocalEngine, tmp_path: Path) -> None:
    source = write_sound(tmp_path / "in.wav", tone(4.0), tone(4.0, 660))
    asked = {"extension": "mp3", "sample_rate": 24_000, "bitrate": 64_000}
    job = work("convert-audio", [given("audio_url", source, "audio/wav")], {"channels": 1}, asked)
    path = path_of(await done(local, tmp_path, job))
    with av.open(str(path)) as file:
        stream: Any = file.streams.audio[0]
        assert (stream.rate, stream.channels) == (24_000, 1)
    assert path.stat().st_size * 8 / 4 == pytest.approx(64_000, rel=0.05)


@pytest.mark.parametrize("extension", ["mp3", "wav", "flac", "ogg", "m4a"])
async def test_tags_stay_and_no_mark_is_added(local: LocalEngine, tmp_path: Path, extension: str) -> None:
    source = write_sound(tmp_path / "in.mp3", tone(0.5), title="Harbour", artist="Mara Lind")
    job = work("convert-audio", [given("audio_url", source, "audio/mpeg")], output={"extension": extension})
    notes = notes_of(path_of(await done(local, tmp_path, job)))
    assert "Harbour" in notes
    assert "Mara Lind" in notes
    assert "SANDBOX" not in notes


async def test_the_sound_of_a_clip_can_be_taken(local: LocalEngine, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4")
    job = work("convert-audio", [given("audio_url", source, "video/mp4")], output={"extension": "wav"})
    path = path_of(await done(local, tmp_path, job))
    assert seconds_of(path, "audio") == pytest.approx(1.0, abs=0.06)


async def test_a_sound_that_is_cut_off_is_converted_as_far_as_it_goes(
    local: LocalEngine, tmp_path: Path
) -> None:
    source = write_sound(tmp_path / "in.mp3", tone(4.0))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    job = work("convert-audio", [given("audio_url", source, "audio/mpeg")], output={"extension": "wav"})
    assert seconds_of(path_of(await done(local, tmp_path, job)), "audio") == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("kind", ["wav", "convert-audio", "music-video"])
async def test_a_file_that_is_no_sound_is_refused_by_field(
    local: LocalEngine, tmp_path: Path, kind: str
) -> None:
    files = [given("audio_url", text_file(tmp_path / "broken.mp3"), "audio/mpeg")]
    with pytest.raises(Refused, match="audio_url cannot be read as sound") as refusal:
        await done(local, tmp_path, work(kind, files, output={"extension": "mp3"}))
    assert refusal.value.kind is FailKind.BAD_INPUT


async def test_a_silent_clip_is_refused_by_field(local: LocalEngine, tmp_path: Path) -> None:
    files = [given("audio_url", write_clip(tmp_path / "silent.mp4", sound=""), "video/mp4")]
    with pytest.raises(Refused, match="audio_url has no sound") as refusal:
        await done(local, tmp_path, work("convert-audio", files, output={"extension": "mp3"}))
    assert refusal.value.kind is FailKind.BAD_INPUT
