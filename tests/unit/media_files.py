"""Real media files of every kind that tests of stored files need, made on the spot."""

import io
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=64)
def picture(kind: str, width: int = 37, height: int = 23, mode: str = "RGB", **options: object) -> bytes:
    """A still picture; ``kind`` is Pillow's name of the format."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (width, height), "teal" if mode != "L" else 90).save(file, kind, **options)  # pyright: ignore[reportArgumentType] - options differ by format
    return file.getvalue()


@lru_cache(maxsize=16)
def sound(container: str, codec: str, seconds: float = 1.5, rate: int = 48_000) -> bytes:
    """A tone of this length; ``container`` and ``codec`` are FFmpeg's names."""
    import av
    import numpy as np

    tone = (np.sin(np.arange(int(seconds * rate)) / 20) * 8000).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
    frame.sample_rate = rate
    with tempfile.NamedTemporaryFile() as file:
        with av.open(file.name, "w", format=container) as out:
            # The stubs cannot tell which kind of stream a codec's name makes.
            stream: Any = out.add_stream(codec, rate=rate, layout="mono")
            resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.frame_size or 1024)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        return Path(file.name).read_bytes()


@lru_cache(maxsize=16)
def film(
    container: str = "mp4", codec: str = "mpeg4", width: int = 64, height: int = 48, flags: str = ""
) -> bytes:
    """A film of two seconds; ``flags`` are the muxer's."""
    import av
    import numpy as np

    options = {"movflags": flags} if flags else {}
    with tempfile.NamedTemporaryFile() as file:
        with av.open(file.name, "w", format=container, options=options) as out:
            stream: Any = out.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(20):
                pixels = np.full((height, width, 3), number * 10, dtype=np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode())
        return Path(file.name).read_bytes()


MIDI = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
ZIP = b"PK\x05\x06" + bytes(18)
SVG = b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
