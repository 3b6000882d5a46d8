"""MPEG audio (MP3) frames: knowing one when it is seen, and how long a file of them lasts.

Frame headers are those of ISO/IEC 11172-3 and 13818-3; the tables that encoders put in the first frame are by
Xing and Fraunhofer (VBRI).
"""

import struct
from typing import BinaryIO

_SEARCH_BYTES = 64 * 1024
_ID3V1_BYTES = 128

_KILOBITS_V1 = {
    3: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KILOBITS_V2 = {
    3: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    1: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def frame(header: bytes) -> tuple[int, int, int] | None:
    """Bits per second, samples per second and samples per frame, if this is a frame header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 0 or bitrate in (0, 15) or rate == 3:
        return None
    kilobits = (_KILOBITS_V1 if version == 3 else _KILOBITS_V2)[layer][bitrate]
    samples = 384 if layer == 3 else 1152 if layer == 2 or version == 3 else 576
    return kilobits * 1000, _RATES[version][rate], samples


def frame_bytes(header: bytes) -> int:
    """The length of the MPEG audio frame with this header; 0 if it is none."""
    read = frame(header)
    if read is None:
        return 0
    bits, rate, samples = read
    padding = header[2] >> 1 & 1
    return (12 * bits // rate + padding) * 4 if samples == 384 else samples // 8 * bits // rate + padding


def seconds(file: BinaryIO) -> float:
    """Frames of the encoder's table if there is one, else the file's bytes at the first frame's bitrate."""
    end = file.seek(0, 2)
    start = _after_id3(file)
    file.seek(start)
    data = file.read(_SEARCH_BYTES)
    at, (bits, rate, samples) = _first_frame(data)
    count = _frame_count(data[at : at + 256])
    if count:
        return count * samples / rate
    file.seek(max(0, end - _ID3V1_BYTES))
    tail = _ID3V1_BYTES if file.read(3) == b"TAG" else 0
    return (end - start - at - tail) * 8 / bits


def _after_id3(file: BinaryIO) -> int:
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3":
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _first_frame(data: bytes) -> tuple[int, tuple[int, int, int]]:
    """Where the first frame header is, and what it says. Raises ValueError if there is none."""
    at = data.index(b"\xff")
    while (found := frame(data[at : at + 4])) is None:
        at = data.index(b"\xff", at + 1)
    return at, found


def _frame_count(first: bytes) -> int:
    """How many frames the table in the first frame counts; 0 without one."""
    for tag in (b"Xing", b"Info"):
        at = first.find(tag, 4, 48)
        if at >= 0 and first[at + 7] & 1:
            return struct.unpack(">I", first[at + 8 : at + 12])[0]
    if first[36:40] == b"VBRI":
        return struct.unpack(">I", first[50:54])[0]
    return 0
