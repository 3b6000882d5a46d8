"""What a sound looks like: how strong each band of pitches is at the moment of each picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from souk.providers.children.given import CannotUse, Given
from souk.providers.local.sound import decoded, opened_sound

WINDOW_SECONDS = 0.09
"""How much of the sound a picture shows: enough to tell low pitches apart."""
LOWEST, HIGHEST = 45.0, 9000.0
"""Hertz of the first and last band's outer borders."""
TILT = 0.35
"""Exponent on a band's pitch: music has less strength the higher it goes, and bars shall fill the width."""
FLOOR_DB = -52.0
"""Strength, against the strongest moment, at which a bar has no height."""
SILENCE = 1e-4
"""Strength of the strongest moment below which there is nothing to be seen at all."""
FALL = 0.82
"""Share of a bar's height that is left one picture after its sound has stopped."""
SECONDS_MAX = 3600

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A sound as bars."""

    levels: Levels
    """Heights from 0 to 1: a row for each picture, a column for each bar, low pitches first."""
    seconds: float
    """The sound's exact length."""


def spectrum_of(given: Given, bars: int, fps: int) -> Spectrum:
    """Listen to a whole sound once, holding a moment of it at a time. Raises CannotUse."""
    with opened_sound(given) as (file, stream):
        ear = _Ear(bars, fps, stream.rate)
        for samples in _mono(given, file, stream):
            ear.hear(samples)
            if ear.seconds > SECONDS_MAX:
                raise CannotUse(f"{given.field} is longer than {SECONDS_MAX // 60} minutes.")
    ear.end()
    return Spectrum(_heights(np.array(ear.rows)), ear.seconds)


def _mono(given: Given, file: Any, stream: Any) -> Iterator[Levels]:
    for frame in decoded(given, file, stream, "flt", "mono", stream.rate):
        yield frame.to_ndarray()[0]


class _Ear:
    """Turns a stream of samples into a row of band strengths for each picture."""

    def __init__(self, bars: int, fps: int, rate: int) -> None:
        self.rows: list[Levels] = []
        self._fps, self._rate = fps, rate
        self._window = 2 ** round(log2(rate * WINDOW_SECONDS))
        self._fade = np.hanning(self._window).astype(np.float32)
        edges = np.geomspace(LOWEST, min(HIGHEST, rate * 0.45), bars + 1)
        bins = np.maximum(1, np.rint(edges * self._window / rate).astype(np.int64))
        self._starts, self._ends = bins[:-1], np.maximum(bins[1:], bins[:-1] + 1)
        self._weights = (edges[1:] / LOWEST) ** TILT / self._window
        # Half a window of silence first, so that a picture has its moment in the middle of its window.
        self._held = np.zeros(self._window // 2, np.float32)
        self._begins = -self._held.size
        self._heard = 0

    @property
    def seconds(self) -> float:
        """How much was heard."""
        return self._heard / self._rate

    def hear(self, samples: Levels) -> None:
        self._heard += samples.size
        self._held = np.concatenate([self._held, samples])
        while self._next() + self._window <= self._held.size:
            self._look()
        past = max(0, min(self._next(), self._held.size))
        self._held, self._begins = self._held[past:], self._begins + past

    def end(self) -> None:
        """The pictures that show the sound's last moment."""
        self._held = np.concatenate([self._held, np.zeros(self._window, np.float32)])
        while len(self.rows) * self._rate < self._heard * self._fps:
            self._look()

    def _next(self) -> int:
        """Where in the held samples the next picture's window begins."""
        return round(len(self.rows) * self._rate / self._fps) - self._window // 2 - self._begins

    def _look(self) -> None:
        at = self._next()
        power = np.abs(np.fft.rfft(self._held[at : at + self._window] * self._fade)) ** 2
        summed = np.concatenate([[0.0], np.cumsum(power)])
        mean = (summed[self._ends] - summed[self._starts]) / (self._ends - self._starts)
        self.rows.append((np.sqrt(np.maximum(mean, 0)) * self._weights).astype(np.float32))


def _heights(strengths: Levels) -> Levels:
    """Strengths as heights: in decibels below the strongest, rising at once and falling softly."""
    peak = float(strengths.max())
    if peak < SILENCE:
        return np.zeros_like(strengths)
    decibels = 20 * np.log10(np.maximum(strengths / peak, 1e-6))
    heights = np.clip(1 - decibels / FLOOR_DB, 0, 1).astype(np.float32)
    for row in range(1, len(heights)):
        heights[row] = np.maximum(heights[row], heights[row - 1] * FALL)
    return heights
