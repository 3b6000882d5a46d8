"""Write a clip: H.264 pictures and an AAC track into an MP4 or MOV, with the sandbox's note in its tags."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageChops

from souk.providers.sandbox.audio_file import BITEXACT, BITEXACT_FLAG, frames_of
from souk.providers.sandbox.sizes import Size
from souk.providers.sandbox.stamp import NOTE, SOFTWARE
from souk.providers.sandbox.voice import Samples

SOUND_RATE = 44_100
SOUND_BITS = 96_000
QUALITY = "25"
"""x264's constant rate factor."""
KEY_SECONDS = 5
MANY_PIXELS = 1920 * 1080
BT601 = 6
"""AVCOL_*_SMPTE170M: the matrix Pillow's YCbCr uses, so players show the colours we mean."""
LIMITED_RANGE = 1
CONTAINERS = {"mp4": ("mp4", "video/mp4"), "mov": ("mov", "video/quicktime")}

TO_LUMA = [round(16 + value * 219 / 255) for value in range(256)]
TO_CHROMA = [round(128 + (value - 128) * 224 / 255) for value in range(256)]
FROM_LUMA = [min(255, max(0, round((value - 16) * 255 / 219))) for value in range(256)]
FROM_CHROMA = [min(255, max(0, round(128 + (value - 128) * 255 / 224))) for value in range(256)]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a clip as its three planes; the colour planes have half the sides."""

    y: Image.Image
    u: Image.Image
    v: Image.Image

    @classmethod
    def of(cls, picture: Image.Image) -> "Frame":
        """From an RGB picture with even sides."""
        y, u, v = picture.convert("YCbCr").split()
        return cls(y.point(TO_LUMA), u.reduce(2).point(TO_CHROMA), v.reduce(2).point(TO_CHROMA))

    def crop(self, x: int, y: int, size: Size) -> "Frame":
        """The part at an even place, of an even size."""
        w, h = size
        half = (x // 2, y // 2, (x + w) // 2, (y + h) // 2)
        return Frame(self.y.crop((x, y, x + w, y + h)), self.u.crop(half), self.v.crop(half))

    def blend(self, other: "Frame", share: float) -> "Frame":
        pairs = ((self.y, other.y), (self.u, other.u), (self.v, other.v))
        return Frame(*(Image.blend(a, b, share) for a, b in pairs))

    def picture(self) -> Image.Image:
        """As an RGB picture."""
        u, v = (
            plane.point(FROM_CHROMA).resize(self.y.size, Image.Resampling.BILINEAR)
            for plane in (self.u, self.v)
        )
        return Image.merge("YCbCr", (self.y.point(FROM_LUMA), u, v)).convert("RGB")


class Sheet:
    """A picture with transparency that is laid over frames, ready as planes."""

    def __init__(self, picture: Image.Image) -> None:
        """From an RGBA picture with even sides."""
        self.frame = Frame.of(picture.convert("RGB"))
        self.alpha = picture.getchannel("A")
        self.half = self.alpha.reduce(2)

    def lay_on(self, frame: Frame, at: tuple[int, int]) -> None:
        """Paste at an even place."""
        frame.y.paste(self.frame.y, at, self.alpha)
        half = (at[0] // 2, at[1] // 2)
        frame.u.paste(self.frame.u, half, self.half)
        frame.v.paste(self.frame.v, half, self.half)


class Film:
    """A clip being written, frame by frame; use as a context manager."""

    def __init__(self, path: Path, size: Size, fps: float, sound: Samples | None) -> None:
        container, self.media_type = CONTAINERS.get(path.suffix[1:], CONTAINERS["mp4"])
        self.path, self.size = path, size
        self._file: Any = av.open(
            str(path), "w", format=container, options={**BITEXACT, "movflags": "+faststart"}
        )
        self._file.metadata.update({"title": "Sandbox clip", "comment": NOTE, "artist": SOFTWARE})
        self._video: Any = self._file.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        self._video.width, self._video.height = size
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"preset": "ultrafast", "crf": QUALITY}
        coder = self._video.codec_context
        coder.thread_count = 1 if size[0] * size[1] <= MANY_PIXELS else 2
        coder.gop_size = max(1, round(fps * KEY_SECONDS))
        coder.colorspace = coder.color_primaries = coder.color_trc = BT601
        coder.color_range = LIMITED_RANGE
        coder.flags |= BITEXACT_FLAG
        self._fps = fps
        self._sound_packets = self._encode(sound) if sound is not None else []
        self._written = 0
        self._buffer = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
        self._flat = self._buffer.reshape(-1)

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            self._file.mux(self._video.encode(None))
            self._file.mux(self._sound_packets)
        self._file.close()

    def write(self, frame: Frame) -> None:
        """Append one frame, and the sound that belongs before it."""
        at = 0
        for plane in (frame.y, frame.u, frame.v):
            count = plane.width * plane.height
            self._flat[at : at + count] = np.asarray(plane).reshape(-1)
            at += count
        picture = av.VideoFrame.from_ndarray(self._buffer, format="yuv420p")
        picture.pts = self._written
        self._file.mux(self._video.encode(picture))
        self._written += 1
        now = self._written / self._fps
        while (
            self._sound_packets
            and float(self._sound_packets[0].pts * self._sound_packets[0].time_base) <= now
        ):
            self._file.mux(self._sound_packets.pop(0))

    def _encode(self, sound: Samples) -> list[Any]:
        stream: Any = self._file.add_stream("aac", rate=SOUND_RATE)
        stream.layout = "mono"
        stream.bit_rate = SOUND_BITS
        stream.codec_context.flags |= BITEXACT_FLAG
        packets = [
            packet for frame in frames_of(sound, SOUND_RATE, "fltp") for packet in stream.encode(frame)
        ]
        return [*packets, *stream.encode(None)]


def half_step(plane: Image.Image) -> Image.Image:
    """A colour plane moved left by half of one of its pixels: what an odd luma step needs."""
    return Image.blend(plane, ImageChops.offset(plane, -1, 0), 0.5)
