"""Jobs for the local engine's tests, and files made on the spot with what the tests look for in them."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from souk.providers.base import Done, Job, MediaFile, ParentRef
from souk.providers.local import LocalEngine
from souk.words import JsonObject
from tests.providers.sandbox_jobs import folder, job, nothing_told

RATE = 44_100
Samples = NDArray[np.int16]


def work(
    kind: str,
    files: Sequence[MediaFile],
    input: JsonObject | None = None,
    output: JsonObject | None = None,
    parents: Sequence[ParentRef] = (),
) -> Job:
    """A job of the local engine."""
    made = job("", input or {}, output or {}, files)
    return replace(made, upstream_model=kind, parents=parents)


async def done(local: LocalEngine, at: Path, job: Job) -> Done:
    """The job's result."""
    return await local.run(job, folder(at / "work"), nothing_told)


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE, strength: float = 0.5) -> Samples:
    """A plain tone."""
    at = np.arange(round(seconds * rate)) / rate
    return (np.sin(at * 2 * np.pi * hertz) * strength * 32_000).astype(np.int16)


def write_sound(
    path: Path, left: Samples, right: Samples | None = None, rate: int = RATE, **tags: str
) -> Path:
    """A sound file in the format of its name; one channel, or two."""
    codec = {".mp3": "libmp3lame", ".wav": "pcm_s16le"}[path.suffix]
    with av.open(str(path), "w") as file:
        file.metadata.update(tags)
        stream = file.add_stream(codec, rate=rate, layout="mono" if right is None else "stereo")
        _fill(file, stream, left, right, rate)
    return path


def _fill(file: Any, stream: Any, left: Samples, right: Samples | None, rate: int) -> None:
    whole = left[None, :] if right is None else np.stack([left, right], 1).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono" if right is None else "stereo")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def samples_of(path: Path, rate: int | None = None) -> Samples:
    """All samples of a file: a row for each, a column for each channel, as 16-bit numbers."""
    with av.open(str(path)) as file:
        stream: Any = file.streams.audio[0]
        resampler = AudioResampler(format="s16", layout=stream.layout.name, rate=rate or stream.rate)
        parts = [piece for frame in file.decode(stream) for piece in resampler.resample(frame)]
        parts += resampler.resample(None)
        channels = stream.channels
    stretches: list[Any] = [part.to_ndarray().reshape(-1, channels) for part in parts]
    return np.concatenate(stretches)


def write_clip(
    path: Path,
    size: tuple[int, int] = (160, 90),
    moments: Sequence[int] = tuple(range(12)),
    fps: int = 12,
    sound: str = "aac",
    codec: str = "libx264",
    pixels: str = "yuv420p",
) -> Path:
    """A clip of drifting soft stripes with a tone; pictures stand at these moments, counted in 1/fps seconds.

    ``sound`` is its codec, empty for none; ``codec`` and ``pixels`` are those of the pictures.
    """
    with av.open(str(path), "w") as file:
        options = {"crf": "10", "preset": "ultrafast"} if codec == "libx264" else {}
        stream: Any = file.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        voice = file.add_stream(sound, rate=RATE, layout="mono") if sound else None
        for moment in moments:
            frame: Any = av.VideoFrame.from_ndarray(stripes(size, moment), format="rgb24")
            frame.pts, frame.time_base = moment, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if voice:
            _fill(file, voice, tone((moments[-1] + 1) / fps), None, RATE)
    return path


def stripes(size: tuple[int, int], moment: int) -> NDArray[np.uint8]:
    """An RGB picture: soft upright stripes, and a bright mark in the upper left corner."""
    across = np.arange(size[0])
    light = (100 + 60 * np.sin((across + moment * 3) / 9)).astype(np.uint8)
    picture = np.repeat(np.tile(light, (size[1], 1))[..., None], 3, 2)
    picture[: size[1] // 4, : size[0] // 4] = (250, 240, 60)
    return picture


def packets_of(path: Path, kind: str) -> list[bytes]:
    """The encoded packets of a file's first stream of a kind."""
    with av.open(str(path)) as file:
        stream: Any = (file.streams.video if kind == "video" else file.streams.audio)[0]
        return [bytes(packet) for packet in file.demux(stream) if packet.size]


def pictures_of(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """Every picture of a clip with its moment in seconds, as lightness alone."""
    with av.open(str(path)) as file:
        frames: list[Any] = list(file.decode(video=0))
        return [(float(frame.time), frame.to_ndarray(format="gray")) for frame in frames]
