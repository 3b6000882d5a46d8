"""A song as a clip: its cover, its words, and bars that follow what is heard."""

from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from souk.providers.children.given import Given
from souk.providers.children.results import Made, filled
from souk.providers.local.conversion import AAC_RATES, nearest
from souk.providers.local.cover_art import drawn_cover
from souk.providers.local.poster import BAR_TALL, BARS, COVER, LINE, SIZE, STUB, Words, bar_box, posters
from souk.providers.local.resize import flat, open_picture
from souk.providers.local.sound import decoded, opened_sound
from souk.providers.local.spectrum import Spectrum, spectrum_of
from souk.providers.local.work import Work

FPS = 24
CLOCK = 90_000
"""Ticks a second, so that the last picture can end with the sound."""
QUALITY = {"preset": "ultrafast", "crf": "22", "tune": "stillimage"}
SOUND_BITS = 192_000
KEY_SECONDS = 5
BT709, LIMITED_RANGE = 1, 1
"""AVCOL_*_BT709 and AVCOL_RANGE_MPEG."""


def make_music_video(work: Work) -> Made:
    """Do a music video job. Raises CannotUse."""
    made, song = Made(), work.given("audio", "video")
    words = Words(work.told("title"), work.told("tags"), work.told("author"), work.told("domainName"))
    picture = work.picture_for(song)
    cover = flat(open_picture(picture)[0]) if picture else drawn_cover(words.title or work.task_id, COVER[2])
    path = work.folder / "video.mp4"
    write_video(song, cover.convert("RGB"), words, path)
    made.add(path, "video/mp4")
    made.result = filled(work.output, 1)
    return made


def write_video(song: Given, cover: Image.Image, words: Words, path: Path) -> None:
    """Write the clip, as long as the song to the sample. Raises CannotUse."""
    spectrum = spectrum_of(song, BARS, FPS)
    rest, light = (_Planes.of(picture) for picture in posters(cover, words))
    with opened_sound(song) as (source, heard):
        rate = nearest(heard.rate, AAC_RATES)
        layout = "mono" if heard.channels == 1 else "stereo"
        target: Any = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        with target:
            target.metadata.update({"title": words.title, "artist": words.author})
            pictures = _Pictures(target, spectrum, rest, light)
            sound = target.add_stream("aac", rate=rate)
            sound.layout, sound.bit_rate = layout, SOUND_BITS
            for frame in decoded(song, source, heard, "fltp", layout, rate):
                pictures.write_until(frame.pts / rate)
                target.mux(sound.encode(frame))
            pictures.write_until(spectrum.seconds)
            target.mux(sound.encode(None))
            pictures.finish()


class _Planes:
    """A picture as H.264 takes it: lightness, and two colours at half the sides, in one block of memory."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self.block = block
        width, height = SIZE
        flat_block, pixels = block.reshape(-1), width * height
        self._y = block[:height]
        self._u = flat_block[pixels : pixels * 5 // 4].reshape(height // 2, width // 2)
        self._v = flat_block[pixels * 5 // 4 :].reshape(height // 2, width // 2)

    @classmethod
    def of(cls, picture: Image.Image) -> "_Planes":
        given: Any = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        frame = given.reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        return cls(np.ascontiguousarray(frame.to_ndarray()))

    def take(self, other: "_Planes", box: tuple[int, int, int, int]) -> None:
        """Copy a part with even borders from another picture."""
        left, top, right, bottom = box
        self._y[top:bottom, left:right] = other._y[top:bottom, left:right]
        half = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
        self._u[half], self._v[half] = other._u[half], other._v[half]


class _Pictures:
    """The moving part: each picture is the one at rest with parts of the one in full light."""

    def __init__(self, target: Any, spectrum: Spectrum, rest: _Planes, light: _Planes) -> None:
        self._target, self._rest, self._light = target, rest, light
        self._levels, self._seconds = spectrum.levels, spectrum.seconds
        self._count = ceil(spectrum.seconds * FPS)
        self._canvas = _Planes(rest.block.copy())
        self._made = 0
        self._stream = target.add_stream("libx264", rate=FPS, options=QUALITY)
        self._stream.width, self._stream.height = SIZE
        self._stream.pix_fmt = "yuv420p"
        coder = self._stream.codec_context
        coder.time_base = Fraction(1, CLOCK)
        coder.gop_size = FPS * KEY_SECONDS
        coder.thread_count = 1
        coder.colorspace = coder.color_primaries = coder.color_trc = BT709
        coder.color_range = LIMITED_RANGE

    def write_until(self, seconds: float) -> None:
        """Write every picture that is seen before this moment."""
        while self._made < self._count and self._made < seconds * FPS:
            self._draw(self._made)
            frame = av.VideoFrame.from_ndarray(self._canvas.block, format="yuv420p")
            frame.pts, frame.time_base = self._made * CLOCK // FPS, Fraction(1, CLOCK)
            self._mux(self._stream.encode(frame))
            self._made += 1

    def finish(self) -> None:
        self._mux(self._stream.encode(None))

    def _draw(self, number: int) -> None:
        np.copyto(self._canvas.block, self._rest.block)
        for bar, level in enumerate(self._levels[number]):
            tall = int(level * BAR_TALL / 2) * 2
            if tall > STUB:
                self._canvas.take(self._light, bar_box(bar, tall))
        left, top, right, bottom = LINE
        reached = left + int((right - left) * number / self._count / 2) * 2
        self._canvas.take(self._light, (left, top, reached, bottom))

    def _mux(self, packets: list[Any]) -> None:
        last = (self._count - 1) * CLOCK // FPS
        for packet in packets:
            if packet.pts == last:
                packet.duration = round(self._seconds * CLOCK) - last
            self._target.mux(packet)
