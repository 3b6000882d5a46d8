"""Width and height of still pictures, from their headers. One function per format; each reads a few bytes.

Every function raises ValueError, struct.error or IndexError on a header that makes no sense.
"""

import struct
from typing import BinaryIO

Size = tuple[int, int]

# Start-of-frame markers (ITU T.81, table B.1): C0 to CF without DHT (C4), JPG (C8) and DAC (CC).
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset(range(0xD0, 0xD9)) | {0x01}
_MAX_SEGMENTS = 10_000


def png_size(file: BinaryIO) -> Size:
    """IHDR is always the first chunk."""
    head = file.read(24)
    if head[12:16] != b"IHDR":
        raise ValueError("no IHDR")
    return struct.unpack(">II", head[16:24])


def gif_size(file: BinaryIO) -> Size:
    """The logical screen."""
    return struct.unpack("<HH", file.read(10)[6:10])


def bmp_size(file: BinaryIO) -> Size:
    """A negative height only means that rows run from top to bottom."""
    head = file.read(26)
    if head[14] == 12:
        return struct.unpack("<HH", head[18:22])
    width, height = struct.unpack("<ii", head[18:26])
    return abs(width), abs(height)


def jpeg_size(file: BinaryIO) -> Size:
    """The first frame header; segments before it (camera data, colour profiles) are skipped."""
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        marker = _jpeg_marker(file)
        if marker in _BARE_MARKERS:
            continue
        length = int.from_bytes(_exactly(file, 2))
        if marker in _SOF:
            height, width = struct.unpack(">HH", _exactly(file, 5)[1:])
            return width, height
        if marker == 0xDA or length < 2:
            break
        file.seek(length - 2, 1)
    raise ValueError("no frame header")


def _jpeg_marker(file: BinaryIO) -> int:
    if _exactly(file, 1) != b"\xff":
        raise ValueError("no marker where one is due")
    byte = 0xFF
    while byte == 0xFF:
        byte = _exactly(file, 1)[0]
    return byte


def webp_size(file: BinaryIO) -> Size:
    """Extended, lossless or lossy form (RFC 9649)."""
    head = file.read(30)
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("unknown kind of WebP")


_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_SHORT = 3


def tiff_size(file: BinaryIO) -> Size:
    """Two entries of the first directory."""
    head = _exactly(file, 8)
    order = "<" if head[:2] == b"II" else ">"
    file.seek(struct.unpack(order + "I", head[4:8])[0])
    (count,) = struct.unpack(order + "H", _exactly(file, 2))
    found: dict[int, int] = {}
    for _ in range(count):
        entry = _exactly(file, 12)
        tag, kind = struct.unpack(order + "HH", entry[:4])
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            found[tag] = struct.unpack(order + "H", entry[8:10])[0]
            if kind != _TIFF_SHORT:
                found[tag] = struct.unpack(order + "I", entry[8:12])[0]
    return found.get(_TIFF_WIDTH, 0), found.get(_TIFF_HEIGHT, 0)


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("the file ends early")
    return data
