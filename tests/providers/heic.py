"""HEIC pictures as phones write them, made on the spot: one coded image or a grid of tiles, perhaps turned."""

import io
import struct
from typing import Any

import av
from PIL import Image

PICTURE, GRID = b"hvc1", b"grid"


def box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def heic(picture: Image.Image, tile: int = 0, turns: int = 0) -> bytes:
    """``tile``: the side of the tiles, 0 for one image. ``turns``: quarters, against the clock."""
    across, down = (-(-picture.width // tile), -(-picture.height // tile)) if tile else (1, 1)
    whole = Image.new("RGB", (across * tile, down * tile) if tile else picture.size)
    whole.paste(picture, (0, 0))
    side = (tile, tile) if tile else picture.size
    boxes = [(x * side[0], y * side[1]) for y in range(down) for x in range(across)]
    coded = [_coded(whole.crop((x, y, x + side[0], y + side[1]))) for x, y in boxes]
    ids = list(range(1, len(coded) + 1))
    grid = len(ids) + 1 if tile else 0
    properties = [coded[0][0], _size(*side), _size(*picture.size), box(b"irot", bytes([turns]))]
    shown = [3, 4] if turns else [3]
    links = b"".join(_linked(number, [1, 2] if tile else [1, *shown]) for number in ids)
    items = b"".join(_item(number, PICTURE) for number in ids)
    if grid:
        links, items = links + _linked(grid, shown), items + _item(grid, GRID)
    count = struct.pack(">H", len(ids) + bool(grid))
    layout = struct.pack(">4B2H", 0, 0, down - 1, across - 1, *picture.size)
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(start: int) -> bytes:
        places, at = b"", start
        for number, (_, data) in zip(ids, coded, strict=True):
            places += struct.pack(">4H2I", number, 0, 0, 1, at, len(data))
            at += len(data)
        if grid:
            places += struct.pack(">4H2I", grid, 1, 0, 1, 0, len(layout))
        parts = struct.pack(f">{len(ids) + 2}H", grid, len(ids), *ids)
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", struct.pack(">H", grid or 1)),
            full_box(b"iinf", count, items),
            full_box(b"iref", box(b"dimg", parts)) if grid else b"",
            box(
                b"iprp",
                box(b"ipco", *properties),
                full_box(b"ipma", struct.pack(">I", len(ids) + bool(grid)), links),
            ),
            box(b"idat", layout) if grid else b"",
            full_box(b"iloc", bytes([0x44, 0]), count, places, version=1),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(data for _, data in coded))


def _coded(picture: Image.Image) -> tuple[bytes, bytes]:
    """The decoder's configuration, and the one coded frame."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        quiet = {"x265-params": "log-level=none:keyint=1:pools=none", "crf": "10", "preset": "ultrafast"}
        stream: Any = out.add_stream("libx265", rate=1, options=quiet)
        stream.width, stream.height, stream.pix_fmt = *picture.size, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_image(picture)))
        out.mux(stream.encode(None))
    film = file.getvalue()
    at = film.index(b"hvcC") - 4
    (length,) = struct.unpack_from(">I", film, at)
    whole: Any = av.open(io.BytesIO(film))
    with whole:
        (frame,) = [bytes(packet) for packet in whole.demux(video=0) if packet.size]
    return film[at : at + length], frame


def _size(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def _item(number: int, kind: bytes) -> bytes:
    return full_box(b"infe", struct.pack(">HH", number, 0), kind, b"\0", version=2)


def _linked(number: int, properties: list[int]) -> bytes:
    return struct.pack(">HB", number, len(properties)) + bytes(properties)
