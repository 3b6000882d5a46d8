"""How long sound files last, in seconds, from their headers. One function per format.

Every function raises ValueError, struct.error or IndexError on a header that makes no sense.
"""

import struct
from typing import BinaryIO

_UNKNOWN_LENGTH = 0xFFFF_FFFF
_MAX_CHUNKS = 1000
_OGG_PAGE_BYTES = 65_307
_OPUS_RATE = 48_000


def wav_seconds(file: BinaryIO) -> float:
    """Bytes of sound over bytes per second; where the writer left the length open, the file's end counts."""
    end = file.seek(0, 2)
    at, per_second = 12, 0
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        kind, size = struct.unpack("<4sI", file.read(8))
        if kind == b"fmt ":
            (per_second,) = struct.unpack("<8xI", file.read(12))
        elif kind == b"data":
            rest = end - at - 8
            length = rest if size in (0, _UNKNOWN_LENGTH) else min(size, rest)
            return length / per_second
        at += 8 + size + size % 2
    raise ValueError("no sound in it")


def flac_seconds(file: BinaryIO) -> float:
    """STREAMINFO is always the first block (RFC 9639)."""
    bits = int.from_bytes(file.read(26)[18:26])
    rate, samples = bits >> 44, bits & 0xF_FFFF_FFFF
    if not samples:
        raise ValueError("length left open")
    return samples / rate


def ogg_seconds(file: BinaryIO) -> float:
    """The last page's position. Opus always counts at 48 kHz (RFC 7845)."""
    head = file.read(256)
    opus, vorbis = head.find(b"OpusHead"), head.find(b"\x01vorbis")
    if opus >= 0:
        rate, skipped = _OPUS_RATE, struct.unpack("<H", head[opus + 10 : opus + 12])[0]
    elif vorbis >= 0:
        rate, skipped = struct.unpack("<I", head[vorbis + 12 : vorbis + 16])[0], 0
    else:
        raise ValueError("neither Opus nor Vorbis")
    end = file.seek(0, 2)
    file.seek(max(0, end - _OGG_PAGE_BYTES))
    tail = file.read()
    (position,) = struct.unpack("<q", tail[(at := tail.rindex(b"OggS")) + 6 : at + 14])
    if position < skipped:
        raise ValueError("no position")
    return (position - skipped) / rate
