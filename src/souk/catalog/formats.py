"""The file formats a result can have: what a format word of the wire means as media type and extension."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    media_type: str
    extension: str
    sample_rate: int | None = None
    """Samples per second of sound."""
    bitrate: int | None = None
    """Bits per second of compressed sound."""


_FIXED = {
    "png": Format("image/png", "png"),
    "jpg": Format("image/jpeg", "jpg"),
    "jpeg": Format("image/jpeg", "jpg"),
    "webp": Format("image/webp", "webp"),
    "mp4": Format("video/mp4", "mp4"),
    "mov": Format("video/quicktime", "mov"),
    "mp3": Format("audio/mpeg", "mp3", 44_100, 128_000),
    "wav": Format("audio/wav", "wav"),
    "flac": Format("audio/flac", "flac"),
    "ogg": Format("audio/ogg", "ogg"),
    "m4a": Format("audio/mp4", "m4a"),
    "json": Format("application/json", "json"),
}

# Sound formats are written codec_rate_kilobits, such as mp3_44100_128 or pcm_16000. The telephone codecs and
# raw PCM have no container, so the media type is all that tells them apart.
_CODECS = {
    "mp3": ("audio/mpeg", "mp3"),
    "pcm": ("audio/pcm", "pcm"),
    "ulaw": ("audio/basic", "ulaw"),
    "alaw": ("audio/x-alaw-basic", "alaw"),
    "opus": ("audio/ogg", "ogg"),
}


def read_format(name: str) -> Format:
    """The format a word names. Raises ValueError if it names none."""
    if name in _FIXED:
        return _FIXED[name]
    codec, *numbers = name.split("_")
    if codec not in _CODECS or not 1 <= len(numbers) <= 2 or not all(part.isdigit() for part in numbers):
        raise ValueError(
            f"{name!r} is no known format; known are {', '.join(_FIXED)} and codec_rate_kilobits"
        )
    media_type, extension = _CODECS[codec]
    bitrate = int(numbers[1]) * 1000 if len(numbers) > 1 else None
    return Format(media_type, extension, int(numbers[0]), bitrate)
