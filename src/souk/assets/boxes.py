"""The box tree of MP4, MOV, M4A, HEIC and AVIF (ISO/IEC 14496-12), as far as sizes and lengths need it.

Every function raises ValueError, struct.error or IndexError on a tree that makes no sense.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_INDEX_BYTES = 64 * 1024 * 1024
"""The largest ``moov`` or ``meta`` box that is read; longer than that of a film of many hours."""
MAX_BOXES = 100_000


@dataclass(frozen=True, slots=True)
class Movie:
    """What the index of a film or sound file says."""

    width: int | None
    height: int | None
    seconds: float | None
    has_video: bool | None
    """None where there are no tracks at all."""


def read_movie(file: BinaryIO) -> Movie:
    """Read ``moov``, wherever in the file it is."""
    moov = _top_level(file, b"moov")
    seconds = None
    video: tuple[int, int] | None = None
    has_video: bool | None = None
    for kind, box in _children(moov):
        if kind == b"mvhd":
            seconds = _seconds(box)
        elif kind == b"mvex":
            seconds = seconds or _fragments_seconds(box, moov)
        elif kind == b"trak":
            is_video = _is_video(box)
            has_video = bool(has_video or is_video)
            video = video or (_track_size(box) if is_video else None)
    width, height = video or (None, None)
    return Movie(width, height, seconds, has_video)


def picture_size(file: BinaryIO) -> tuple[int, int]:
    """The largest ``ispe`` of a HEIC or AVIF picture; the smaller ones are tiles and thumbnails."""
    meta = _top_level(file, b"meta")
    properties = _child(_child(meta[4:], b"iprp"), b"ipco")
    sizes: list[tuple[int, int]] = [
        struct.unpack(">II", box[4:12]) for kind, box in _children(properties) if kind == b"ispe"
    ]
    return max(sizes, key=lambda size: size[0] * size[1])


def _top_level(file: BinaryIO, wanted: bytes) -> bytes:
    end = file.seek(0, 2)
    at = 0
    for _ in range(MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        size, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if size == 1:
            (size,) = struct.unpack(">Q", head[8:16])
            start = 16
        elif size == 0:
            size = end - at
        if size < start:
            raise ValueError("a box shorter than its header")
        if kind == wanted:
            if size > MAX_INDEX_BYTES or at + size > end:
                raise ValueError("the index is too long or cut off")
            file.seek(at + start)
            return file.read(size - start)
        at += size
    raise ValueError("no such box")


def _children(box: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(box):
        size, kind = struct.unpack_from(">I4s", box, at)
        start = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", box, at + 8)
            start = 16
        elif size == 0:
            size = len(box) - at
        if size < start:
            raise ValueError("a box shorter than its header")
        yield kind, box[at + start : at + size]
        at += size


def _child(box: bytes, wanted: bytes) -> bytes:
    for kind, inner in _children(box):
        if kind == wanted:
            return inner
    raise ValueError(f"no {wanted!r} box")


def _seconds(mvhd: bytes) -> float | None:
    """Length of the whole film; None where it is left open, as in a fragmented file."""
    if mvhd[0] == 1:
        scale, length = struct.unpack(">IQ", mvhd[20:32])
        unknown = 2**64 - 1
    else:
        scale, length = struct.unpack(">II", mvhd[12:20])
        unknown = 2**32 - 1
    return length / scale if scale and length not in (0, unknown) else None


def _fragments_seconds(mvex: bytes, moov: bytes) -> float | None:
    mehd = next((box for kind, box in _children(mvex) if kind == b"mehd"), None)
    if mehd is None:
        return None
    (length,) = struct.unpack(">Q", mehd[4:12]) if mehd[0] == 1 else struct.unpack(">I", mehd[4:8])
    mvhd = _child(moov, b"mvhd")
    at = 20 if mvhd[0] == 1 else 12
    (scale,) = struct.unpack(">I", mvhd[at : at + 4])
    return length / scale if scale and length else None


def _is_video(trak: bytes) -> bool:
    return _child(_child(trak, b"mdia"), b"hdlr")[8:12] == b"vide"


def _track_size(trak: bytes) -> tuple[int, int] | None:
    """Width and height as shown: a matrix that turns the picture by a quarter swaps them."""
    tkhd = _child(trak, b"tkhd")
    matrix = 52 if tkhd[0] == 1 else 40
    straight, turned = struct.unpack(">ii", tkhd[matrix : matrix + 8])
    width, height = (side >> 16 for side in struct.unpack(">II", tkhd[matrix + 36 : matrix + 44]))
    if not (width and height):
        return None
    return (height, width) if turned and not straight else (width, height)
