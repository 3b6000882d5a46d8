"""Given clips: measure them, and read them frame by frame at another size, rate and length, upright."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import av.error
import numpy as np
from PIL import Image

from souk.providers.children.given import CannotUse, Given
from souk.providers.sandbox.film import Frame
from souk.providers.sandbox.sizes import Size

TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    -180: Image.Transpose.ROTATE_180,
    -90: Image.Transpose.ROTATE_270,
    270: Image.Transpose.ROTATE_270,
}
"""A frame's display rotation (degrees, counter-clockwise) -> how to set it upright."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is measured of a clip or sound."""

    size: Size | None
    seconds: float
    fps: float


def measure(given: Given) -> Facts:
    """Size (upright), length and rate of a given clip or sound. Raises CannotUse."""
    try:
        with av.open(str(given.path)) as file:
            streams: Any = [*file.streams.video, *file.streams.audio]
            if not streams:
                raise CannotUse(f"The file of {given.field} holds neither pictures nor sound.")
            first = streams[0]
            length = first.duration * first.time_base if first.duration else (file.duration or 0) / 1_000_000
            if not file.streams.video:
                return Facts(None, float(length), 0.0)
            frame: Any = next(file.decode(file.streams.video[0]))
            size = (frame.width, frame.height)
            upright = size[::-1] if frame.rotation % 180 else size
            return Facts(upright, float(length), float(first.average_rate or 24))
    except (av.error.FFmpegError, ValueError, StopIteration) as error:
        raise CannotUse(f"The file of {given.field} cannot be read as a clip.") from error


def footage(given: Given, size: Size, fps: float, frames: int | None = None) -> Iterator[Frame]:
    """The clip's frames filling ``size`` at ``fps``: to its end, or for ``frames``, from the start again if short."""
    made = 0
    while frames is None or made < frames:
        begun = made
        for frame in _once(given, size, fps):
            if frames is not None and made >= frames:
                return
            yield frame
            made += 1
        if frames is None:
            return
        if made == begun:
            raise CannotUse(f"The file of {given.field} holds no pictures.")


def _once(given: Given, size: Size, fps: float) -> Iterator[Frame]:
    """One pass: each output moment shows the input frame of that moment."""
    due = 0
    shown: Frame | None = None
    try:
        opened: Any = av.open(str(given.path))
        with opened as file:
            stream = file.streams.video[0]
            step = 1 / float(stream.average_rate or fps)
            start: float | None = None
            end = 0.0
            for picture in file.decode(stream):
                time = float(picture.time or 0.0)
                start = time if start is None else start
                while shown is not None and due / fps < time - start - step / 4:
                    yield _copy(shown)
                    due += 1
                shown = _fitted(picture, size)
                end = time - start + step
            while shown is not None and due / fps < end - step / 4:
                yield _copy(shown)
                due += 1
    except (av.error.FFmpegError, IndexError) as error:
        raise CannotUse(f"The file of {given.field} cannot be read as a clip.") from error


def _fitted(picture: Any, size: Size) -> Frame:
    turn = TURNS.get(picture.rotation)
    sideways = picture.rotation % 180 != 0
    wide, tall = (picture.height, picture.width) if sideways else (picture.width, picture.height)
    scale = max(size[0] / wide, size[1] / tall)
    across, down = max(size[0], round(wide * scale / 2) * 2), max(size[1], round(tall * scale / 2) * 2)
    inner = (down, across) if sideways else (across, down)
    scaled = picture.reformat(
        width=inner[0], height=inner[1], format="yuv420p", interpolation="FAST_BILINEAR"
    )
    frame = Frame(*(_plane(plane) for plane in scaled.planes))
    if turn is not None:
        frame = Frame(frame.y.transpose(turn), frame.u.transpose(turn), frame.v.transpose(turn))
    return frame.crop((across - size[0]) // 4 * 2, (down - size[1]) // 4 * 2, size)


def _plane(plane: Any) -> Image.Image:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return Image.fromarray(rows[:, : plane.width])


def _copy(frame: Frame) -> Frame:
    return Frame(frame.y.copy(), frame.u.copy(), frame.v.copy())
