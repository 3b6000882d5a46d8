"""What a result file really is: decoded in full with libraries of its own kind, not as anyone declares it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = "SANDBOX"
RAW = {
    "audio/pcm": ("s16le", "sample_rate"),
    "audio/basic": ("mulaw", "sample_rate"),
    "audio/x-alaw-basic": ("alaw", "sample_rate"),
}
"""Sound without a container, which tells neither its form nor its rate: both come from what was asked."""


@dataclass(frozen=True)
class Decoded:
    """A file's facts."""

    kind: str
    """``image``, ``video`` or ``audio``."""
    form: str
    """Pillow's name of a picture's format, or FFmpeg's of the container."""
    size: tuple[int, int] | None = None
    seconds: float = 0.0
    fps: float = 0.0
    frames: int = 0
    codec: str = ""
    """Of the pictures of a clip, or of a sound."""
    sound: str = ""
    """A clip's sound codec; empty if it is silent."""
    rate: int = 0
    mode: str = ""
    """Pillow's name of a picture's channels, such as ``RGBA``."""
    clear: float = 0.0
    """Share of a picture that is more than half transparent."""
    note: str = ""
    """Everything its metadata says."""

    @property
    def marked(self) -> bool:
        """Whether its metadata tells that the sandbox made it."""
        return MARK in self.note


def decode(path: Path, media_type: str, rate: int | None = None) -> Decoded:
    """Decode a whole file. ``rate`` is the one asked for, for sound that has no container."""
    return _picture(path) if media_type.startswith("image/") else _film(path, media_type, rate)


def _picture(path: Path) -> Decoded:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
        texts = [str(value) for value in picture.info.values() if isinstance(value, str | bytes)]
        texts += [str(value) for value in picture.getexif().values()]
        alpha = picture.getchannel("A").histogram() if "A" in picture.getbands() else [0] * 256
        clear = sum(alpha[:128]) / (picture.width * picture.height)
        return Decoded(
            "image", str(picture.format), picture.size, mode=picture.mode, clear=clear, note=" ".join(texts)
        )


def _film(path: Path, media_type: str, rate: int | None) -> Decoded:
    import av

    form = RAW[media_type][0] if media_type in RAW else None
    options = {RAW[media_type][1]: str(rate)} if form and rate else {}
    opened: Any = av.open(str(path), format=form, options=options)
    with opened as file:
        note = " ".join(value for tags in (file, *file.streams) for value in tags.metadata.values())
        pictures, sounds = file.streams.video, file.streams.audio
        frames = samples = 0
        size = None
        for frame in file.decode(*pictures[:1], *sounds[:1]):
            if isinstance(frame, av.VideoFrame):
                frames += 1
                size = (frame.width, frame.height)
            else:
                samples += frame.samples
        heard = samples / sounds[0].rate if sounds else 0.0
        if not pictures:
            codec, rate = sounds[0].codec_context.name, sounds[0].rate
            return Decoded("audio", file.format.name, seconds=heard, codec=codec, rate=rate or 0, note=note)
        fps = float(pictures[0].average_rate)
        return Decoded(
            "video",
            file.format.name,
            size,
            seconds=frames / fps,
            fps=fps,
            frames=frames,
            codec=pictures[0].codec_context.name,
            sound=sounds[0].codec_context.name if sounds else "",
            rate=sounds[0].rate if sounds else 0,
            note=note,
        )
