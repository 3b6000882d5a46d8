"""Sound from one format into another: streamed from decoder to encoder, keeping what the new format can hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from souk.providers.children.given import Given
from souk.providers.children.results import Made, filled
from souk.providers.local.sound import decoded, opened_sound
from souk.providers.local.source import tags_of
from souk.providers.local.work import Work

STUDIO_RATES = (44_100, 48_000)
OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
LAME_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
AAC_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000)
BITS = (192_000, 128_000, 96_000, 64_000, 48_000)
"""Bits per second that are tried in turn until compressed sound is small enough."""
DEFAULT_BITS = 192_000
"""Bits per second of compressed sound where nothing is asked."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a sound format is written."""

    container: str
    codec: str
    sample_format: str
    media_type: str
    rates: tuple[int, ...] = ()
    """The sample rates it knows; empty means any."""
    packed: bool = False
    """Whether it has a bit rate to choose."""


FORMATS = {
    "mp3": Format("mp3", "libmp3lame", "fltp", "audio/mpeg", LAME_RATES, packed=True),
    "wav": Format("wav", "pcm_s16le", "s16", "audio/wav"),
    "flac": Format("flac", "flac", "s16", "audio/flac"),
    "ogg": Format("ogg", "libopus", "flt", "audio/ogg", OPUS_RATES, packed=True),
    "m4a": Format("ipod", "aac", "fltp", "audio/mp4", AAC_RATES, packed=True),
}


def make_wav(work: Work) -> Made:
    """Any sound as 16-bit PCM at 44.1 or 48 kHz: the source's own rate if it is one of them. Raises CannotUse."""
    return _converted(work, "wav", rates=STUDIO_RATES)


def convert_audio(work: Work) -> Made:
    """A sound in the asked format, rate, bit rate and number of channels. Raises CannotUse."""
    extension = str(work.output.get("extension"))
    rate, channels = work.output.get("sample_rate"), work.input.get("channels")
    rates = (int(rate),) if rate else FORMATS[extension].rates
    bits = int(work.output.get("bitrate") or DEFAULT_BITS)
    return _converted(work, extension, rates, bits, int(channels) if channels else None)


def _converted(
    work: Work,
    extension: str,
    rates: tuple[int, ...] = (),
    bits: int = DEFAULT_BITS,
    channels: int | None = None,
) -> Made:
    made, path = Made(), work.folder / f"sound.{extension}"
    convert(work.given("audio", "video"), path, FORMATS[extension], rates, bits, channels)
    made.add(path, FORMATS[extension].media_type)
    made.result = filled(work.output, 1)
    return made


def convert(
    given: Given, path: Path, form: Format, rates: tuple[int, ...], bits: int, channels: int | None
) -> None:
    """Write the sound of a file in another format.

    ``rates``: the nearest of these to the source's rate is taken; empty keeps the source's.
    ``channels``: 1 or 2; None keeps the source's, at most two. Raises CannotUse.
    """
    with opened_sound(given) as (source, heard):
        rate = nearest(heard.rate, rates)
        layout = "mono" if (channels or heard.channels) == 1 else "stereo"
        target: Any = av.open(str(path), "w", format=form.container)
        with target:
            target.metadata.update(tags_of(source, heard))
            stream = target.add_stream(form.codec, rate=rate)
            stream.layout, stream.format = layout, form.sample_format
            if form.packed:
                stream.bit_rate = bits
            if form.container == "ogg":  # which keeps its words with the stream
                stream.metadata.update(tags_of(source, heard))
            for frame in decoded(given, source, heard, form.sample_format, layout, rate):
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))


def nearest(rate: int, rates: tuple[int, ...]) -> int:
    """The rate itself if it is among the allowed ones, else the next higher, else the highest."""
    if not rates or rate in rates:
        return rate
    return min((each for each in rates if each > rate), default=max(rates))
