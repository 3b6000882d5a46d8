"""The local engine's music videos: as long as the song, moving as it sounds, with cover and words in their places."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from souk.providers.base import MediaFile, ParentRef, Refused
from souk.providers.local import LocalEngine
from souk.providers.local.poster import BAR_STEP, BARS, BARS_LEFT, BARS_MIDDLE, COVER, DOMAIN_TOP, LINE, SIZE
from souk.words import FailKind, JsonObject
from tests.providers.local_jobs import done, samples_of, tone, work, write_sound
from tests.providers.sandbox_jobs import given, path_of, seconds_of, text_file

Pictures = list[NDArray[np.int64]]
LIT = 150
"""Lightness that only what is lit up has where the bars stand."""
BARS_PLACE = (slice(BARS_MIDDLE - 100, BARS_MIDDLE + 100), slice(BARS_LEFT, BARS_LEFT + BARS * BAR_STEP))
COVER_PLACE = (slice(COVER[1], COVER[1] + COVER[2]), slice(COVER[0], COVER[0] + COVER[2]))
FOOT_PLACE = (slice(DOMAIN_TOP, SIZE[1]), slice(0, SIZE[0]))


@dataclass
class Song:
    """What a test gives to a music video."""

    path: Path
    input: JsonObject = field(default_factory=dict[str, Any])
    more: list[MediaFile] = field(default_factory=list[MediaFile])
    parents: list[ParentRef] = field(default_factory=list[ParentRef])
    index: int = 0

    async def video(self, local: LocalEngine, at: Path) -> Path:
        song = given("audioId", self.path, "audio/wav", self.index)
        job = work("music-video", [*self.more, song], self.input, parents=self.parents)
        made = await done(local, at, job)
        assert (made.result, made.files[0].media_type) == ({"resultUrls": [{"$file": 0}]}, "video/mp4")
        return path_of(made)


def lightness(path: Path) -> Pictures:
    with av.open(str(path)) as file:
        frames: list[Any] = list(file.decode(video=0))
        return [frame.to_ndarray(format="gray").astype(int) for frame in frames]


def colours(path: Path) -> NDArray[np.int64]:
    """The first picture in red, green and blue."""
    with av.open(str(path)) as file:
        frame: Any = next(file.decode(video=0))
        return frame.to_ndarray(format="rgb24").astype(int)


def lit(picture: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each bar, how many of its pixels are lit."""
    bars = picture[BARS_PLACE].reshape(200, BARS, BAR_STEP)
    return (bars > LIT).sum(axis=(0, 2))


@pytest.mark.parametrize(("seconds", "rate"), [(2.0, 44_100), (1.37, 48_000), (1.011, 22_050)])
async def test_it_is_as_long_as_the_song(
    local: LocalEngine, tmp_path: Path, seconds: float, rate: int
) -> None:
    song = write_sound(tmp_path / "song.wav", tone(seconds, rate=rate), tone(seconds, rate=rate), rate=rate)
    made = await Song(song).video(local, tmp_path)
    with av.open(str(made)) as file:
        assert file.duration == pytest.approx(seconds * av.time_base, abs=2000)
        video: Any = file.streams.video[0]
        sound: Any = file.streams.audio[0]
        assert (video.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (video.codec_context.width, video.codec_context.height) == SIZE
        assert (sound.rate, sound.channels) == (rate, 2)
    assert seconds_of(made, "video") == pytest.approx(seconds, abs=1e-4)
    assert seconds_of(made, "audio") == pytest.approx(seconds, abs=1e-4)
    assert len(lightness(made)) == int(np.ceil(seconds * 24))


async def test_it_sounds_like_the_song(local: LocalEngine, tmp_path: Path) -> None:
    song = write_sound(tmp_path / "song.wav", tone(1.0, 300) + tone(1.0, 900) // 3)
    heard = samples_of(await Song(song).video(local, tmp_path))[:44_100, 0].astype(float)
    assert np.corrcoef(heard, samples_of(song)[:, 0].astype(float))[0, 1] > 0.99


async def test_bars_rise_where_it_is_loud_and_rest_where_it_is_silent(
    local: LocalEngine, tmp_path: Path
) -> None:
    sound = np.concatenate([np.zeros(44_100, np.int16), tone(1.0, 440), np.zeros(44_100, np.int16)])
    made = lightness(await Song(write_sound(tmp_path / "song.wav", sound)).video(local, tmp_path))
    heights = [int(lit(picture).sum()) for picture in made]
    assert max(heights[:22]) == 0
    assert min(heights[26:46]) > 500
    assert max(heights[-6:]) == 0


async def test_louder_moments_have_taller_bars(local: LocalEngine, tmp_path: Path) -> None:
    parts = [tone(0.8, 440, strength=strength) for strength in (0.02, 0.1, 0.5)]
    made = lightness(
        await Song(write_sound(tmp_path / "s.wav", np.concatenate(parts))).video(local, tmp_path)
    )
    soft, middle, loud = (int(lit(made[moment]).max()) for moment in (10, 29, 48))
    assert 0 < soft < middle < loud


async def test_low_pitches_stand_left_and_high_ones_right(local: LocalEngine, tmp_path: Path) -> None:
    sound = np.concatenate([tone(1.0, 70), tone(1.0, 7000)])
    made = lightness(await Song(write_sound(tmp_path / "song.wav", sound)).video(local, tmp_path))
    low, high = (int(lit(made[moment]).argmax()) for moment in (12, 40))
    assert low < BARS // 5
    assert high > BARS * 4 // 5


async def test_the_line_fills_as_the_song_goes_on(local: LocalEngine, tmp_path: Path) -> None:
    made = lightness(await Song(write_sound(tmp_path / "song.wav", tone(2.0))).video(local, tmp_path))
    left, top, right, _ = LINE
    filled = [int((picture[top + 2, left:right] > 200).sum()) / (right - left) for picture in made]
    assert filled == pytest.approx([number / 48 for number in range(48)], abs=0.02)


async def test_a_picture_of_the_inputs_own_is_the_cover(local: LocalEngine, tmp_path: Path) -> None:
    Image.new("RGB", (500, 300), (220, 30, 40)).save(tmp_path / "red.png")
    song = Song(write_sound(tmp_path / "song.wav", tone(0.2)))
    song.more = [given("imageUrl", tmp_path / "red.png", "image/png")]
    middle = colours(await song.video(local, tmp_path))[COVER[1] + 192, COVER[0] + 192]
    assert middle == pytest.approx((220, 30, 40), abs=12)


async def test_the_cover_is_the_picture_its_task_made_for_that_song(
    local: LocalEngine, tmp_path: Path
) -> None:
    path = write_sound(tmp_path / "song.wav", tone(0.2))
    song = Song(path, index=2)
    for number, shade in ((1, (220, 30, 40)), (3, (30, 40, 220))):
        Image.new("RGB", (64, 64), shade).save(tmp_path / f"{number}.png")
        song.more.append(given("taskId", path, "audio/wav", number - 1))
        song.more.append(given("taskId", tmp_path / f"{number}.png", "image/png", number))
    song.parents = [
        ParentRef("taskId", "t", "", ""),
        ParentRef("audioId", "a", "", "", {"title": "Second"}),
    ]
    middle = colours(await song.video(local, tmp_path))[COVER[1] + 192, COVER[0] + 192]
    assert middle == pytest.approx((30, 40, 220), abs=12)


async def test_without_a_picture_a_cover_is_drawn_from_the_title(local: LocalEngine, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "song.wav", tone(0.2))
    one, two, again = [
        lightness(await Song(path, {"title": title}).video(local, tmp_path))[0]
        for title in ("Lanterns", "Tides", "Lanterns")
    ]
    assert np.array_equal(one, again)
    assert np.abs(one - two)[COVER_PLACE].mean() > 10
    assert one[COVER_PLACE].std() > 10  # not one plain colour


async def test_author_stands_on_the_cover_and_the_domain_below(local: LocalEngine, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "song.wav", tone(0.2))
    bare, signed, placed = [
        lightness(await Song(path, input).video(local, tmp_path))[0]
        for input in ({}, {"author": "Mara Lind"}, {"domainName": "songs.example"})
    ]
    assert np.abs(signed - bare)[COVER_PLACE].max() > 60
    assert np.abs(signed - bare)[FOOT_PLACE].max() < 30
    assert np.abs(placed - bare)[FOOT_PLACE].max() > 60
    assert np.abs(placed - bare)[COVER_PLACE].max() < 30


async def test_a_cover_that_is_no_picture_is_refused_by_field(local: LocalEngine, tmp_path: Path) -> None:
    song = Song(write_sound(tmp_path / "song.wav", tone(0.2)))
    song.more = [given("imageUrl", text_file(tmp_path / "broken.png"), "image/png")]
    with pytest.raises(Refused, match="imageUrl cannot be read") as refusal:
        await song.video(local, tmp_path)
    assert refusal.value.kind is FailKind.BAD_INPUT
