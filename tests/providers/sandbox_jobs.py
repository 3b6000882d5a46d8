"""Jobs for the sandbox's tests: built by hand, with input files made on the spot."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from souk.providers.base import Connection, Done, Job, MediaFile, ParentRef, Running
from souk.words import JsonObject, Millis, ModelId, TaskId

PICTURE: JsonObject = {"kind": "image", "media_type": "image/png", "extension": "png", "count": 1}
CLIP: JsonObject = {"kind": "video", "media_type": "video/mp4", "extension": "mp4", "count": 1, "fps": 24}
SOUND: JsonObject = {"kind": "audio", "media_type": "audio/mpeg", "extension": "mp3", "count": 1}
CONNECTION = Connection("sandbox", "sandbox")


async def nothing_told(_: Running) -> None:
    """For runs whose stages no one wants to hear of."""


class GivenMedia:
    """A job's input files."""

    def __init__(self, given: Sequence[MediaFile]) -> None:
        self._given = given

    async def files(self, field: str) -> Sequence[MediaFile]:
        return [file for file in self._given if file.field == field]

    async def all(self) -> Sequence[MediaFile]:
        return self._given


def job(
    task: str,
    input: JsonObject,
    output: JsonObject,
    given: Sequence[MediaFile] = (),
    task_id: str = "0192f4c1a7b27c3e8d5f6a1b2c3d4e5f",
    parents: Sequence[ParentRef] = (),
) -> Job:
    media = GivenMedia(given)
    return Job(
        TaskId(task_id),
        "a" * 32,
        ModelId("maker/model"),
        task,
        input,
        "",
        output,
        media,
        CONNECTION,
        Millis(0),
        parents=parents,
    )


def given(field: str, path: Path, media_type: str, index: int = 0) -> MediaFile:
    return MediaFile(field, index, path, media_type, path.stat().st_size, "")


def picture_file(
    path: Path, size: tuple[int, int] = (96, 64), colour: tuple[int, int, int] = (200, 60, 40)
) -> Path:
    """A plain ground with a dark square in the middle."""
    picture = Image.new("RGB", size, colour)
    side = min(size) // 2
    picture.paste(
        (10, 10, 30),
        ((size[0] - side) // 2, (size[1] - side) // 2, (size[0] + side) // 2, (size[1] + side) // 2),
    )
    picture.save(path)
    return path


def sound_file(path: Path, seconds: float = 1.5, rate: int = 22_050) -> Path:
    """A WAV that sounds in its first half and is silent in its second."""
    at = np.arange(round(seconds * rate)) / rate
    wave = (np.sin(at * 2 * np.pi * 330) * (at < seconds / 2) * 12_000).astype(np.int16)
    with av.open(str(path), "w", format="wav") as file:
        stream: Any = file.add_stream("pcm_s16le", rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def clip_file(path: Path, size: tuple[int, int] = (128, 96), seconds: float = 1.0, fps: int = 12) -> Path:
    """A silent green clip that grows brighter."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(round(seconds * fps)):
            level = 60 + 120 * number // round(seconds * fps)
            picture = np.full((size[1], size[0], 3), (20, level, 20), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def text_file(path: Path) -> Path:
    """A file that is no media at all."""
    path.write_bytes(b"not a picture")
    return path


def frames_of(path: Path) -> list[np.ndarray[Any, Any]]:
    """Every picture of a clip as an RGB array."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def seconds_of(path: Path, kind: str) -> float:
    """Length of a file's ``video`` or ``audio`` stream."""
    with av.open(str(path)) as file:
        stream: Any = (file.streams.video if kind == "video" else file.streams.audio)[0]
        return float(stream.duration * stream.time_base)


def notes_of(path: Path) -> str:
    """All texts in a media container's tags."""
    with av.open(str(path)) as file:
        found = [file.metadata, *(stream.metadata for stream in file.streams)]
        return " ".join(value for tags in found for value in tags.values())


def folder(path: Path) -> Path:
    """The folder, made if need be."""
    path.mkdir(exist_ok=True)
    return path


def path_of(done: Done, number: int = 0) -> Path:
    """Where one of a result's files lies."""
    path = done.files[number].path
    assert path is not None
    return path


def content(done: Done, number: int = 0) -> bytes:
    return path_of(done, number).read_bytes()


def picture(path: Path) -> Image.Image:
    """A picture, loaded, its file closed."""
    with Image.open(path) as opened:
        opened.load()
        return opened


def grey(path: Path) -> np.ndarray[Any, Any]:
    """A picture's lightness as an array of whole numbers."""
    return np.asarray(picture(path).convert("L")).astype(int)
