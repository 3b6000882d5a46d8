"""HEIC pictures: decoded by FFmpeg, put together from their tiles, and turned as their properties say.

Boxes and properties: ISO/IEC 23008-12. A picture is one coded image or a grid of tiles, left to right, top to bottom.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

import av
from av.stream import Disposition
from PIL import Image

from souk.providers.children.given import CannotUse, Given
from souk.providers.local.resize import PIXELS_MAX

MOST_TILES: Final = 1024
META_BYTES: Final = 16 * 1024 * 1024
TURNS: Final = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
"""``irot``: quarters of a turn, against the clock."""
MIRRORS: Final = {0: Image.Transpose.FLIP_TOP_BOTTOM, 1: Image.Transpose.FLIP_LEFT_RIGHT}
"""``imir``: about the horizontal or the vertical axis."""

Size = tuple[int, int]


def open_heic(given: Given) -> Image.Image:
    """The picture, upright. Raises CannotUse, or what a broken file makes the decoder raise."""
    with given.path.open("rb") as head:
        size, steps = _properties(head.read(META_BYTES))
    if size[0] * size[1] > PIXELS_MAX:
        most = f"and at most {PIXELS_MAX // 1_000_000} megapixels are read"
        raise CannotUse(f"The picture of {given.field} has {size[0]} x {size[1]} pixels, {most}.")
    with av.open(str(given.path)) as container:
        file: Any = container
        streams = [stream for stream in file.streams.video if stream.codec_context is not None]
        tiles = [stream for stream in streams if stream.disposition & Disposition.dependent]
        picture = _assembled(file, tiles, size) if tiles else _decoded(file, streams)
    for step in steps:
        picture = picture.transpose(step)
    return picture


def _decoded(file: Any, streams: list[Any]) -> Image.Image:
    """The one coded image; the others are thumbnails and the like."""
    main = max(streams, key=lambda stream: (stream.width or 0) * (stream.height or 0))
    for packet in file.demux(main):
        for frame in packet.decode():
            return frame.to_image()
    raise ValueError("no picture in it")


def _assembled(file: Any, tiles: list[Any], size: Size) -> Image.Image:
    """A picture from the tiles of its grid, which all have one size and come first in the file."""
    width, height = tiles[0].width, tiles[0].height
    across, down = -(-size[0] // width), -(-size[1] // height)
    count = across * down
    if not 0 < count <= MOST_TILES or len(tiles) < count:
        raise ValueError("the tiles do not make the picture")
    whole = Image.new("RGB", size)
    places = {stream.index: number for number, stream in enumerate(tiles[:count])}
    left = set(places.values())
    for packet in file.demux(*tiles[:count]):
        for frame in packet.decode():
            number = places[packet.stream.index]
            whole.paste(frame.to_image(), (number % across * width, number // across * height))
            left.discard(number)
    if left:
        raise ValueError("a tile is missing")
    return whole


def _properties(data: bytes) -> tuple[Size, list[Image.Transpose]]:
    """The largest size among the item properties, and how to set the picture upright."""
    meta = next(box for kind, box in _boxes(data) if kind == b"meta")
    shared = _inside(_inside(meta[4:], b"iprp"), b"ipco")
    sizes: list[Size] = []
    steps: list[Image.Transpose] = []
    for kind, box in _boxes(shared):
        if kind == b"ispe":
            sizes.append(struct.unpack(">II", box[4:12]))
        elif kind == b"irot" and box[0] & 3:
            steps.append(TURNS[box[0] & 3])
        elif kind == b"imir":
            steps.append(MIRRORS[box[0] & 1])
    return max(sizes, key=lambda size: size[0] * size[1]), steps


def _inside(box: bytes, wanted: bytes) -> bytes:
    return next(inner for kind, inner in _boxes(box) if kind == wanted)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:  # the last box, or one longer than any of these
            return
        yield kind, data[at + 8 : at + size]
        at += size
