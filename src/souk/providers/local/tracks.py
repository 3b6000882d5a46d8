"""The tracks of an enlarged clip: pictures on their way from old packets to new ones, and the sound beside them."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from av.audio.resampler import AudioResampler
from av.filter import Graph
from av.video.frame import PictureType

from souk.providers.children.processors import processors
from souk.providers.local.conversion import AAC_RATES, nearest
from souk.providers.local.source import frames_of

QUALITY = {"preset": "veryfast", "crf": "18", "x264-params": "rc-lookahead=4:sync-lookahead=0"}
"""x264's settings: no loss to be seen, at a speed that one core bears, with few 4K pictures held in memory."""
THREADS_MAX = 4
"""Of the encoder; each holds pictures in memory."""
SOUND_COPIED = frozenset({"aac", "mp3", "opus", "ac3", "eac3", "alac", "flac"})
"""What an MP4 may hold. Other sound is encoded anew."""
SOUND_BITS = 192_000
BT709, BT601 = 1, 6
"""Of AVColorSpace, AVColorPrimaries and AVColorTransferCharacteristic, where the numbers agree."""
UNTOLD = (0, 2)
"""No numbers of colours, and AVCOL_*_UNSPECIFIED."""
LIMITED_RANGE = 1
"""AVCOL_RANGE_MPEG."""
SD_HEIGHT = 576
"""Pictures up to this height that do not tell their colours are taken to be of standard definition."""
COVER_QUALITY = 92
ANTICLOCKWISE, CLOCKWISE, OVER = (
    (("transpose", "cclock"),),
    (("transpose", "clock"),),
    (("hflip",), ("vflip",)),
)
TURNS = {90: ANTICLOCKWISE, -90: CLOCKWISE, 270: CLOCKWISE, 180: OVER, -180: OVER}
"""A frame's display rotation (degrees, counter-clockwise) -> the filters that set it upright."""
LANCZOS = "lanczos+accurate_rnd+full_chroma_int"
DEFAULT_RATE = 24


class PictureTrack:
    """The pictures of a clip: decoded, set upright, resampled and encoded, each as soon as it is there."""

    def __init__(
        self, target: Any, video: Any, rotation: int, size: tuple[int, int], cover: Path | None
    ) -> None:
        rate = Fraction(video.average_rate or video.guessed_rate or DEFAULT_RATE)
        self._target, self._cover = target, cover
        self._graph = _graph(video, rotation, size)
        self._stream = target.add_stream("libx264", rate=rate, options=QUALITY)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        coder = self._stream.codec_context
        coder.time_base = video.time_base
        coder.thread_count = min(THREADS_MAX, processors())
        coder.color_range = LIMITED_RANGE
        coder.colorspace, coder.color_primaries, coder.color_trc = _colours(video)
        self._step = max(1, round(1 / rate / video.time_base))
        self._last: int | None = None

    @property
    def written(self) -> bool:
        """Whether there was any picture."""
        return self._last is not None

    def add(self, packet: Any) -> None:
        for frame in frames_of(packet):
            last = self._last
            if frame.pts is None:
                frame.pts = 0 if last is None else last + self._step
            if last is None or frame.pts > last:  # an encoder takes no moment twice
                self._last = frame.pts
                self._graph.push(frame)
                self._encode()

    def finish(self) -> None:
        self._graph.push(None)
        self._encode()
        self._target.mux(self._stream.encode(None))

    def _encode(self) -> None:
        for frame in _pulled(self._graph):
            if self._cover is not None:
                frame.to_image().save(self._cover, "JPEG", quality=COVER_QUALITY)
                self._cover = None
            frame.pict_type = PictureType.NONE  # the encoder's own choice
            self._target.mux(self._stream.encode(frame))


class SoundTrack:
    """One sound track: its packets as they are, or encoded anew where an MP4 cannot hold them."""

    def __init__(self, target: Any, sound: Any) -> None:
        self._target, self._rate = target, sound.rate
        self._resampler: AudioResampler | None = None
        self._at: int | None = None
        if sound.codec_context.codec.canonical_name in SOUND_COPIED:
            self._stream = target.add_stream_from_template(sound)
            return
        layout = "mono" if sound.channels == 1 else "stereo"
        self._rate = nearest(sound.rate, AAC_RATES)
        self._stream = target.add_stream("aac", rate=self._rate, layout=layout)
        self._stream.bit_rate = SOUND_BITS
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=self._rate)

    def add(self, packet: Any) -> None:
        if self._resampler is None:
            if packet.dts is not None:
                packet.stream = self._stream
                self._target.mux(packet)
            return
        for frame in frames_of(packet):
            if self._at is None:
                self._at = round(max(0.0, frame.time or 0.0) * self._rate)
            frame.pts = None
            self._encode(self._resampler.resample(frame))

    def finish(self) -> None:
        if self._resampler is not None and self._at is not None:
            self._encode(self._resampler.resample(None))
            self._target.mux(self._stream.encode(None))

    def _encode(self, pieces: list[Any]) -> None:
        """Numbered without gaps from where the track begins."""
        for piece in pieces:
            piece.pts, piece.time_base = self._at, Fraction(1, self._rate)
            self._at = (self._at or 0) + piece.samples
            self._target.mux(self._stream.encode(piece))


def _graph(video: Any, rotation: int, size: tuple[int, int]) -> Graph:
    """Upright, resampled, in square pixels, with colours as H.264 players expect them."""
    graph = Graph()
    steps = [
        graph.add_buffer(template=video),
        *(graph.add(*step) for step in TURNS.get(rotation, ())),
        graph.add("scale", f"{size[0]}:{size[1]}:flags={LANCZOS}:out_range=limited"),
        graph.add("setsar", "1"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    for one, next_one in pairwise(steps):
        one.link_to(next_one)
    graph.configure()
    return graph


def _pulled(graph: Graph) -> Iterator[Any]:
    """What has come out of the filters by now."""
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError):  # as PyAV says: not yet, and no more
            return


def _colours(video: Any) -> tuple[int, int, int]:
    """Matrix, primaries and curve: as the clip tells, else as players guess for its height."""
    coder = video.codec_context
    guess = BT601 if coder.height <= SD_HEIGHT or coder.format.is_rgb else BT709
    told = (coder.colorspace, coder.color_primaries, coder.color_trc)
    return cast("tuple[int, int, int]", tuple(guess if each in UNTOLD else int(each) for each in told))
