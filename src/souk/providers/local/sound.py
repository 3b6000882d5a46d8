"""Given sound, decoded stretch by stretch, never as a whole."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from av.audio.resampler import AudioResampler

from souk.providers.children.given import Given
from souk.providers.local.source import frames_of, opened, packets_of, streams_of, unreadable


@contextmanager
def opened_sound(given: Given) -> Generator[tuple[Any, Any]]:
    """The container and its first sound stream. Raises CannotUse."""
    with opened(given, "audio") as file:
        stream = streams_of(file, "audio")[0]
        if not stream.rate or not stream.channels:
            raise unreadable(given, "audio")
        yield file, stream


def decoded(
    given: Given, file: Any, stream: Any, sample_format: str, layout: str, rate: int
) -> Iterator[Any]:
    """The stream's sound in this form, its frames numbered from 0 without gaps. Raises CannotUse."""
    resampler = AudioResampler(format=sample_format, layout=layout, rate=rate)
    at = 0
    for pieces in _resampled(given, file, stream, resampler):
        for piece in pieces:
            piece.pts, piece.time_base = at, Fraction(1, rate)
            at += piece.samples
            yield piece
    if not at:
        raise unreadable(given, "audio")


def _resampled(given: Given, file: Any, stream: Any, resampler: AudioResampler) -> Iterator[list[Any]]:
    for packet in packets_of(file, stream):
        for frame in frames_of(packet):
            frame.pts = None
            try:
                yield resampler.resample(frame)
            except ValueError as error:  # rate or layout changes in the middle
                raise unreadable(given, "audio") from error
    yield resampler.resample(None)
