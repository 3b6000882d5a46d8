"""Sound on disk: read what is given as samples, write samples in the asked format with the sandbox's note."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from souk.providers.children.given import CannotUse
from souk.providers.sandbox.stamp import NOTE, SOFTWARE
from souk.providers.sandbox.voice import Samples

# Extension -> container, codec, sample format, media type. The raw ones have no container to hold a note.
FORMATS: dict[str, tuple[str, str, str, str]] = {
    "mp3": ("mp3", "libmp3lame", "fltp", "audio/mpeg"),
    "wav": ("wav", "pcm_s16le", "s16", "audio/wav"),
    "pcm": ("s16le", "pcm_s16le", "s16", "audio/pcm"),
    "ulaw": ("mulaw", "pcm_mulaw", "s16", "audio/basic"),
    "alaw": ("alaw", "pcm_alaw", "s16", "audio/x-alaw-basic"),
    "ogg": ("ogg", "libopus", "flt", "audio/ogg"),
    "opus": ("ogg", "libopus", "flt", "audio/ogg"),
    "m4a": ("mp4", "aac", "fltp", "audio/mp4"),
    "flac": ("flac", "flac", "s16", "audio/flac"),
}
DEFAULT_RATE = 44_100
OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
QUICK = {"libmp3lame": {"compression_level": "7"}}
"""Half the work for a song, and nothing one would hear in it."""
BITEXACT = {"fflags": "+bitexact"}
"""Keeps muxers from writing random serial numbers: the same job gives the same bytes."""
BITEXACT_FLAG = 1 << 23
"""AV_CODEC_FLAG_BITEXACT: the same of encoders."""
TEXT_MARK = " Words: "
TEXT_KEPT = 4000
CHUNK = 1 << 15


def rate_for(extension: str, asked: int | None) -> int:
    """The sample rate to make sound at for this format."""
    rate = asked or DEFAULT_RATE
    if extension in ("ogg", "opus") and rate not in OPUS_RATES:
        return 48_000
    return rate


def write_sound(
    sound: Samples,
    rate: int,
    path: Path,
    bitrate: int | None = None,
    words: str = "",
    title: str = "Sandbox sound",
) -> str:
    """Write mono or stereo samples in the format of the path's extension; answers its media type.

    ``words`` (what is spoken) goes into the note, so that a transcript can find it again.
    """
    container, codec, sample_format, media_type = FORMATS.get(path.suffix[1:], FORMATS["mp3"])
    note = NOTE + (TEXT_MARK + words[:TEXT_KEPT] if words else "")
    opened: Any = av.open(str(path), "w", format=container, options=BITEXACT)
    with opened as file:
        file.metadata.update({"title": title, "comment": note, "artist": SOFTWARE})
        stream = file.add_stream(codec, rate=rate, options=QUICK.get(codec, {}))
        stream.layout = layout_of(sound)
        stream.format = sample_format
        stream.codec_context.flags |= BITEXACT_FLAG
        if container == "ogg":
            stream.metadata.update({"title": title, "comment": note})
        if bitrate:
            stream.bit_rate = bitrate
        for frame in frames_of(sound, rate, sample_format):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return media_type


def layout_of(sound: Samples) -> str:
    """How many ears it is for: one row of samples, or pairs of them."""
    return "stereo" if sound.ndim == 2 else "mono"


def frames_of(sound: Samples, rate: int, sample_format: str) -> list[av.AudioFrame]:
    """Mono or stereo samples cut into frames an encoder takes."""
    frames: list[av.AudioFrame] = []
    floats = sample_format.startswith("flt")
    whole: NDArray[Any] = sound if floats else (np.clip(sound, -1, 1) * 32767).astype(np.int16)
    for start in range(0, max(1, len(whole)), CHUNK):
        piece = whole[start : start + CHUNK]
        planes = piece.reshape(len(piece), -1).T if sample_format.endswith("p") else piece.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(planes), format=sample_format, layout=layout_of(sound)
        )
        frame.sample_rate = rate
        frame.pts = start
        frame.time_base = Fraction(1, rate)
        frames.append(frame)
    return frames


def read_sound(path: Path, field: str, rate: int, layout: str = "mono") -> Samples | None:
    """The sound of a file as samples at ``rate``, in pairs if ``stereo``; None if it has no sound. Raises CannotUse."""
    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                return None
            resampler = AudioResampler(format="flt", layout=layout, rate=rate)
            parts: list[NDArray[Any]] = []
            for frame in file.decode(file.streams.audio[0]):
                frame.pts = None
                parts.extend(piece.to_ndarray()[0] for piece in resampler.resample(frame))
            parts.extend(piece.to_ndarray()[0] for piece in resampler.resample(None))
    except (av.error.FFmpegError, ValueError) as error:
        raise CannotUse(f"The file of {field} cannot be read as sound.") from error
    found = np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
    return found.reshape(-1, 2) if layout == "stereo" else found


def spoken_words(path: Path) -> str:
    """The words a file of our own speaks, from its note; empty for any other file."""
    try:
        with av.open(str(path)) as file:
            notes = [
                value
                for found in (file.metadata, *(s.metadata for s in file.streams))
                for value in found.values()
            ]
    except (av.error.FFmpegError, ValueError):
        return ""
    ours = next((note for note in notes if note.startswith(NOTE)), "")
    return ours.partition(TEXT_MARK)[2]
