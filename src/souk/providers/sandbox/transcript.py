"""A transcript of given sound: the words our own speech carries, or made-up ones, timed to where the sound is."""

import random

import numpy as np

from souk.providers.children.given import CannotUse, Given
from souk.providers.sandbox.audio_file import read_sound, spoken_words
from souk.providers.sandbox.soundtrack import GATE_SECONDS, QUIET, loudness
from souk.providers.sandbox.syllables import word_texts
from souk.providers.sandbox.voice import Samples
from souk.words import JsonObject

RATE = 8000
WORD_SECONDS = 0.34
GAP_SHARE = 0.2
"""Share of a word's time that is the silence after it."""
MADE_UP = (
    "This is a sandbox transcript so these words are made up and only their timing follows the sound you sent "
    "The harbour wakes slowly while small boats leave the quiet pier and gulls turn over the bright water"
)
"""Said again and again where a sound's own words are unknown."""


def transcribe(given: Given, language: str, events: bool, seed: int) -> tuple[JsonObject, float]:
    """The documented transcript object, and the sound's length in seconds. Raises CannotUse."""
    sound = read_sound(given.path, given.field, RATE)
    if sound is None:
        raise CannotUse(f"The file of {given.field} has no sound.")
    known = spoken_words(given.path)
    spans = voiced(sound)
    words = word_texts(known) if known else _made_up(spans, seed)
    entries = _timed(words, spans) if spans else []
    if events and not spans:
        entries = [_entry("(silence)", 0.0, sound.size / RATE, "audio_event")]
    spoken = [entry["text"] for entry in entries if entry["type"] != "audio_event"]
    han = known and not known.isascii() and any(ord(letter) > 0x2E80 for letter in known)
    found: JsonObject = {
        "language_code": language or ("zho" if han else "eng"),
        "language_probability": 0.99,
        "text": known.strip() if known and spans else "".join(spoken).strip(),
        "words": entries,
    }
    return found, sound.size / RATE


def voiced(sound: Samples) -> list[tuple[float, float]]:
    """The stretches, in seconds, where something sounds."""
    loud = loudness(sound, RATE)
    peak = float(loud.max())
    if peak < 0.002:
        return []
    on = np.concatenate([[False], loud > peak * QUIET, [False]])
    changes = np.flatnonzero(np.diff(on.astype(np.int8)))
    spans: list[tuple[float, float]] = []
    for start, end in zip(changes[::2] * GATE_SECONDS, changes[1::2] * GATE_SECONDS, strict=True):
        if spans and start - spans[-1][1] < 0.12:
            spans[-1] = (spans[-1][0], float(end))
        else:
            spans.append((float(start), float(end)))
    return [(start, end) for start, end in spans if end - start >= 0.05]


def _made_up(spans: list[tuple[float, float]], seed: int) -> list[str]:
    total = sum(end - start for start, end in spans)
    words = MADE_UP.split()
    offset = random.Random(seed).randrange(len(words))  # noqa: S311 -- art, not secrets
    count = max(1, round(total / WORD_SECONDS))
    return [words[(offset + number) % len(words)] for number in range(count)]


def _timed(words: list[str], spans: list[tuple[float, float]]) -> list[JsonObject]:
    """Words over the voiced time, each as long as its letters ask, with the spacing between them."""
    if not words:
        return []
    weights = np.array([len(word) + 2.0 for word in words])
    edges = np.concatenate([[0.0], np.cumsum(weights / weights.sum())])
    total = sum(end - start for start, end in spans)
    entries: list[JsonObject] = []
    for number, word in enumerate(words):
        begin, after = edges[number] * total, edges[number + 1] * total
        stop = after - (after - begin) * GAP_SHARE
        if entries:
            entries.append(_entry(" ", entries[-1]["end"], _on_clock(begin, spans), "spacing"))
        entries.append(_entry(word, _on_clock(begin, spans), _on_clock(stop, spans), "word"))
    return entries


def _on_clock(voiced_seconds: float, spans: list[tuple[float, float]]) -> float:
    """When, in the file, this much voiced time has passed."""
    for start, end in spans:
        if voiced_seconds <= end - start:
            return start + voiced_seconds
        voiced_seconds -= end - start
    return spans[-1][1]


def _entry(text: str, start: float, end: float, kind: str) -> JsonObject:
    return {
        "text": text,
        "start": round(start, 3),
        "end": round(max(start, end), 3),
        "type": kind,
        "speaker_id": "speaker_0",
    }
