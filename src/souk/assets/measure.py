"""How big and how long a file is, by its headers: facts for asset rows, limits on inputs, prices by length.

No media library is involved, so this may run in the serving process, on a thread. A file that does not say,
or lies about its own structure, measures as nothing; it is never an error.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from souk.assets import boxes, mp3, pictures, sounds


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file's headers say of it."""

    width: int | None = None
    height: int | None = None
    """Pixels."""
    seconds: float | None = None
    has_video: bool | None = None
    """For containers that may hold sound alone; None where that is not told."""

    @property
    def pixels(self) -> int:
        return (self.width or 0) * (self.height or 0)


def measure(path: Path, media_type: str) -> Measured:
    """Measure a file of this (sniffed) type. Blocks on the disk. Raises OSError only."""
    with path.open("rb") as file:
        return measured(file, media_type)


def measured(file: BinaryIO, media_type: str) -> Measured:
    """As :func:`measure`, of an open file."""
    try:
        return _measured(file, media_type)
    except (struct.error, ValueError, IndexError, EOFError, ZeroDivisionError):
        return Measured()


_PICTURES: dict[str, Callable[[BinaryIO], tuple[int, int]]] = {
    "image/png": pictures.png_size,
    "image/jpeg": pictures.jpeg_size,
    "image/webp": pictures.webp_size,
    "image/gif": pictures.gif_size,
    "image/bmp": pictures.bmp_size,
    "image/tiff": pictures.tiff_size,
    "image/heic": boxes.picture_size,
    "image/avif": boxes.picture_size,
}
_SOUNDS: dict[str, Callable[[BinaryIO], float]] = {
    "audio/wav": sounds.wav_seconds,
    "audio/mpeg": mp3.seconds,
    "audio/flac": sounds.flac_seconds,
    "audio/ogg": sounds.ogg_seconds,
}
_MOVIES = frozenset({"video/mp4", "video/quicktime", "video/3gpp", "audio/mp4"})


def _measured(file: BinaryIO, media_type: str) -> Measured:
    if media_type in _PICTURES:
        width, height = _PICTURES[media_type](file)
        return Measured(width, height) if width > 0 and height > 0 else Measured()
    if media_type in _SOUNDS:
        return Measured(seconds=_SOUNDS[media_type](file))
    if media_type in _MOVIES:
        movie = boxes.read_movie(file)
        return Measured(movie.width, movie.height, movie.seconds, movie.has_video)
    return Measured()
