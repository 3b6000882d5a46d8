"""A made-up voice: babble that follows a text's syllables, punctuation and melody, with vocal formants."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from souk.providers.sandbox.ask import crc
from souk.providers.sandbox.syllables import PAUSES, STAGE_DIRECTION, TOKEN, syllables_of

Samples = NDArray[np.floating[Any]]
"""Mono sound in -1..1."""

TABLE = 2048
"""Samples in one stored cycle of a vowel."""
SYLLABLE_SECONDS = 0.185
TAIL_SECONDS = 0.18
# First three formants in hertz, after Peterson & Barney (1952), men's averages.
FORMANTS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (300, 2240, 2950),
    "o": (570, 840, 2410),
    "u": (330, 900, 2240),
    "m": (260, 1100, 2100),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word and when it sounds, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Syllable:
    seconds: float
    vowel: str
    onset: str
    """``hiss``, ``stop``, ``hum`` or empty."""
    word: int
    """Index of the word it belongs to; -1 for a pause."""
    rises: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: one name always has one voice."""

    pitch: float
    """Hertz."""
    throat: float
    """Factor on every formant; small throats sound higher."""

    @classmethod
    def named(cls, name: str) -> "Voice":
        chance = np.random.default_rng(crc(name.lower()))
        low = bool(chance.random() < 0.5)
        pitch = chance.uniform(96, 135) if low else chance.uniform(170, 235)
        return cls(float(pitch), float(chance.uniform(0.94, 1.04) if low else chance.uniform(1.1, 1.22)))


def speak(text: str, voice: Voice, rate: int, speed: float = 1.0) -> tuple[Samples, list[Word]]:
    """Babble a text: mono samples in -1..1 at ``rate``, and when each word sounds."""
    words, syllables = _syllables(STAGE_DIRECTION.sub(" ", text), speed)
    ends = np.cumsum([syllable.seconds for syllable in syllables]) if syllables else np.zeros(0)
    total = float(ends[-1]) + TAIL_SECONDS if syllables else 0.4
    bounds = np.concatenate([[0.0], ends])
    sound = _sing(syllables, bounds, voice, rate, round(total * rate))
    spoken: list[Word] = []
    for index, word in enumerate(words):
        own = [place for place, syllable in enumerate(syllables) if syllable.word == index]
        spoken.append(Word(word, round(float(bounds[own[0]]), 3), round(float(bounds[own[-1] + 1]), 3)))
    return sound, spoken


def _syllables(text: str, speed: float) -> tuple[list[str], list[Syllable]]:
    words: list[str] = []
    found: list[Syllable] = []
    tokens = TOKEN.findall(text)
    for place, token in enumerate(tokens):
        if token in PAUSES:
            found.append(Syllable(PAUSES[token] / speed, "", "", -1))
            continue
        mark = next((later for later in tokens[place + 1 : place + 3] if later in PAUSES), "")
        parts = list(syllables_of(token))
        for part, (vowel, onset) in enumerate(parts):
            rises = mark in ("?", "？") and part == len(parts) - 1
            stress = 1.22 if part == 0 and len(token) > 3 else 0.92
            found.append(Syllable(SYLLABLE_SECONDS * stress / speed, vowel, onset, len(words), rises))
        words.append(token)
    return words, found


def _sing(
    syllables: list[Syllable], bounds: NDArray[np.float64], voice: Voice, rate: int, samples: int
) -> Samples:
    sound = np.zeros(samples, np.float32)
    if not syllables:
        return sound
    pitch = _melody(syllables, bounds, voice, rate, samples)
    phase = (np.cumsum(pitch / rate) % 1.0 * TABLE).astype(np.int32)
    tables = {vowel: _cycle(vowel, voice, rate) for vowel in FORMANTS}
    noise = np.random.default_rng(crc(str(voice.pitch))).standard_normal(rate).astype(np.float32)
    hiss = np.diff(noise, prepend=noise[:1]) * 0.09
    before = "m"
    for index, syllable in enumerate(syllables):
        start, end = round(bounds[index] * rate), round(bounds[index + 1] * rate)
        if syllable.word < 0 or end <= start:
            before = "m"
            continue
        at = phase[start:end]
        move = np.clip(np.linspace(-0.35, 2.2, end - start, dtype=np.float32), 0, 1)
        tone = (
            tables["m" if syllable.onset == "hum" else before][at] * (1 - move)
            + tables[syllable.vowel][at] * move
        )
        sound[start:end] = tone * _swell(end - start, syllable.onset, rate)
        _consonant(sound, start, end, syllable.onset, hiss, rate)
        before = syllable.vowel
    for delay, share in ((0.029, 0.14), (0.047, 0.08)):
        gap = round(delay * rate)
        sound[gap:] += sound[:-gap] * share
    return sound * np.float32(0.82 / max(1e-6, float(np.abs(sound).max())))


def _melody(
    syllables: list[Syllable], bounds: NDArray[np.float64], voice: Voice, rate: int, samples: int
) -> NDArray[np.float64]:
    """The pitch of every sample: falls over a sentence, leans on stressed syllables, rises to a question."""
    points, height = [1.08], 1.12
    for index, syllable in enumerate(syllables):
        if syllable.word < 0:
            height = 1.12 if syllable.seconds > 0.25 else min(1.12, height + 0.06)
        else:
            height = max(0.86, height - 0.022)
        lean = 0.07 * ((index * 7919) % 5 - 1.6) / 3
        points.append(1.42 if syllable.rises else height + lean)
    line = np.interp(np.arange(samples) / rate, bounds, points)
    wobble = 1 + 0.012 * np.sin(np.arange(samples) * (2 * np.pi * 5.1 / rate))
    return voice.pitch * line * wobble


def _cycle(vowel: str, voice: Voice, rate: int) -> Samples:
    """One cycle of a vowel: harmonics of the pitch, as loud as the vowel's formants let them be."""
    count = max(1, int(min(5200, rate * 0.45) / voice.pitch))
    number = np.arange(1, count + 1, dtype=np.float32)
    hertz = number * voice.pitch
    loud = formants(vowel, hertz, voice.throat) / number**0.35 * (0.45 if vowel == "m" else 1.0)
    at = np.arange(TABLE, dtype=np.float32)[:, None] * (2 * np.pi / TABLE)
    cycle = (np.sin(at * number[None, :] + number[None, :] ** 2 * 0.37) * loud[None, :]).sum(1)
    return (cycle / (np.sqrt((cycle**2).mean()) * (3.2 if vowel == "m" else 2.0) + 1e-6)).astype(np.float32)


def formants(vowel: str, hertz: Samples, throat: float) -> Samples:
    """How loud a throat lets these frequencies be on a vowel."""
    loud = np.full_like(hertz, 0.015)
    for formant, width, level in zip(FORMANTS[vowel], (90, 120, 170), (1.0, 0.5, 0.22), strict=True):
        loud += level / (1 + ((hertz - formant * throat) / width) ** 2)
    return loud


def _swell(samples: int, onset: str, rate: int) -> Samples:
    at = np.arange(samples, dtype=np.float32) / rate
    quiet = {"stop": 0.035, "hiss": 0.055}.get(onset, 0.0)
    rise = np.clip((at - quiet) / 0.028, 0.0, 1.0)
    fall = np.clip((samples / rate - at) / 0.05, 0.25, 1.0)
    return rise * fall


def _consonant(sound: Samples, start: int, end: int, onset: str, hiss: Samples, rate: int) -> None:
    if onset not in ("hiss", "stop"):
        return
    length = min(end - start, round((0.075 if onset == "hiss" else 0.022) * rate), hiss.size)
    offset = start + (round(0.026 * rate) if onset == "stop" else 0)
    length = min(length, sound.size - offset)
    if length > 8:
        puff = hiss[:length] * np.hanning(length).astype(np.float32) * (1.6 if onset == "hiss" else 2.4)
        sound[offset : offset + length] += puff
