"""Real result files for fake upstreams: small, of the right kind, different for every task."""

import io
import struct
import wave
import zlib
from functools import lru_cache

EXTENSIONS = {"image": "png", "video": "mp4", "audio": "wav"}
MEDIA_TYPES = {"image": "image/png", "video": "video/mp4", "audio": "audio/wav"}


def result_file(kind: str, seed: int) -> bytes:
    """A file of a kind; the same seed gives the same bytes."""
    return {"image": _png, "video": _mp4, "audio": _wav}[kind](seed)


def _png(seed: int) -> bytes:
    colour = (seed * 2_654_435_761 % 2**24).to_bytes(3, "big")
    rows = (b"\0" + colour * 64) * 64
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _wav(seed: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(struct.pack("<h", seed % 1000) * 16_000)
    return file.getvalue()


@lru_cache(maxsize=64)
def _mp4(seed: int) -> bytes:
    import av  # only tests of video results pay for it
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for index in range(16):
            picture = np.full((64, 64, 3), (seed + index * 8) % 256, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
