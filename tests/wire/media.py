"""Input files for tasks: real pictures, a clip and sounds, made on the spot and served on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 320, 240
SECONDS = 2.0
FPS = 24
RATE = 44_100
TYPES = {
    "picture.png": "image/png",
    "picture.jpg": "image/jpeg",
    "mask.png": "image/png",
    "clip.mp4": "video/mp4",
    "sound.mp3": "audio/mpeg",
    "sound.wav": "audio/wav",
}


@dataclass(frozen=True)
class MediaServer:
    """Where the files are served."""

    url: str

    def address(self, path: str, kinds: tuple[str, ...], accept: tuple[str, ...]) -> str:
        """The address of a file that a field of this path takes."""
        names = [name for name in TYPES if TYPES[name].partition("/")[0] == kinds[0]]
        if kinds[0] == "image":
            names = [name for name in names if name.startswith("mask") == ("mask" in path)]
        name = next(name for name in names if not accept or TYPES[name] in accept)
        return f"{self.url}/{name}"


@contextmanager
def media_server(folder: Path) -> Iterator[MediaServer]:
    """Make the files in a folder and serve them until the end."""
    make_files(folder)
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="media-server")
        thread.start()
        try:
            yield MediaServer(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def make_files(folder: Path) -> None:
    from PIL import Image, ImageDraw

    picture = Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB")
    ImageDraw.Draw(picture).ellipse((110, 60, 210, 200), fill=(220, 120, 40))
    picture.save(folder / "picture.png")
    picture.save(folder / "picture.jpg", quality=90)
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    mask.paste(255, (160, 0, WIDTH, HEIGHT))
    mask.save(folder / "mask.png")
    _film(folder / "clip.mp4", picture)
    for name, codec in (("sound.mp3", "libmp3lame"), ("sound.wav", "pcm_s16le")):
        _sound(folder / name, codec)


def _film(path: Path, picture: Any) -> None:
    import av

    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        voice: Any = file.add_stream("aac", rate=RATE, layout="mono")
        for number in range(round(SECONDS * FPS)):
            moved = picture.rotate(number)
            file.mux(stream.encode(av.VideoFrame.from_image(moved)))
        file.mux(stream.encode(None))
        _tone(file, voice)


def _sound(path: Path, codec: str) -> None:
    import av

    with av.open(str(path), "w") as file:
        _tone(file, file.add_stream(codec, rate=RATE, layout="mono"))


def _tone(file: Any, stream: Any) -> None:
    import av
    import numpy as np

    at = np.arange(round(SECONDS * RATE)) / RATE
    wave = (np.sin(at * 2 * np.pi * 220) * np.sin(at * np.pi * 3) ** 2 * 12_000).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(wave[None, :], format="s16", layout="mono")
    frame.sample_rate = RATE
    frame.time_base = Fraction(1, RATE)
    resampler = av.AudioResampler(stream.format, stream.layout, RATE, stream.frame_size or 1024)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        file.mux(stream.encode(piece))
    file.mux(stream.encode(None))
