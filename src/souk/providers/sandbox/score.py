"""Compose the sandbox's music: a spec comes in, the notes and words of a whole piece come out. Needs no numpy."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from souk.providers.sandbox.arranger import Arranger
from souk.providers.sandbox.song import Note, Score, ScoreSpec, Word
from souk.providers.sandbox.styles import BOOK, band_for

__all__ = [
    "PART_NAMES",
    "Note",
    "Score",
    "ScoreSpec",
    "Word",
    "aligned_words",
    "compose",
    "midi_notes",
    "parts_of",
]

PART_NAMES = {
    "vocal": "Vocals",
    "backing_vocals": "Backing_Vocals",
    "drums": "Drums",
    "bass": "Bass",
    "guitar": "Guitar",
    "keyboard": "Keyboard",
    "percussion": "Percussion",
    "strings": "Strings",
    "synth": "Synth",
    "fx": "FX",
    "brass": "Brass",
    "woodwinds": "Woodwinds",
}
PITCH_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
KEY = re.compile(r"\s*([A-Ga-g])\s*([#♯b♭]?)\s*(m(?!aj)|min|minor)?", re.ASCII)
LOWEST_TONIC = 55
MINOR_THIRD = 3
SLOWEST, FASTEST = 20, 300


@lru_cache(maxsize=4)
def compose(spec: ScoreSpec) -> Score:
    """The score of a spec: exactly ``spec.seconds`` long, unless it loops."""
    if spec.before is None:
        return _composed(spec)
    kept = compose(spec.before)
    until = spec.seconds if spec.resume is None else min(spec.resume, spec.seconds)
    start = min(_entry(kept, spec.cut, until), until)
    bpm, key = spec.bpm or round(kept.bpm), spec.key or kept.key
    fresh = replace(spec, before=None, loop=False, bpm=bpm, key=key, seconds=max(0.0, until - start))
    return _joined(kept, _composed(fresh), spec, start, until)


def continue_from(parent: ScoreSpec, at: float, fresh: ScoreSpec) -> ScoreSpec:
    """The parent up to ``at``, then ``fresh``, to ``fresh.seconds`` in all."""
    return replace(fresh, before=parent, cut=at)


def replaced(parent: ScoreSpec, start: float, end: float, fresh: ScoreSpec) -> ScoreSpec:
    """The parent with the range between two moments composed anew as ``fresh`` says."""
    return replace(fresh, seconds=parent.seconds, before=parent, cut=start, resume=end)


def parts_of(score: Score) -> list[str]:
    """The parts that really sound, in the wire's order."""
    return [part for part in PART_NAMES if score.parts.get(part)]


def midi_notes(score: Score, parts: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The notes of the chosen parts (all that sound by default), each part under its name on the wire."""
    chosen = parts_of(score) if parts is None else [part for part in parts if score.parts.get(part)]
    return [
        {
            "name": PART_NAMES[part],
            "notes": [
                {"pitch": note.pitch, "start": note.start, "end": note.end, "velocity": note.velocity}
                for note in score.parts[part]
            ],
        }
        for part in chosen
    ]


def aligned_words(score: Score) -> list[dict[str, Any]]:
    """When each word is sung, in seconds."""
    return [
        {
            "word": word.text,
            "success": True,
            "startS": round(word.start, 3),
            "endS": round(word.end, 3),
            "palign": 0,
        }
        for word in score.words
    ]


def _composed(spec: ScoreSpec) -> Score:
    band = band_for(spec.style, spec.avoid, spec.seed)
    bpm = min(FASTEST, max(SLOWEST, spec.bpm or band.bpm))
    tonic, mode = spec.seed // 5 % 12, band.mode
    if spec.key and spec.key.strip().lower() != "any" and (asked := KEY.match(spec.key)):
        shift = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(asked[2], 0)
        tonic = (PITCH_NAMES.index(asked[1].upper()) + shift) % 12
        mode = "minor" if asked[3] else "major"
    arranger = Arranger(spec, band, bpm, LOWEST_TONIC + (tonic - LOWEST_TONIC) % 12, mode)
    arranger.write()
    for notes in arranger.parts.values():
        notes.sort(key=lambda note: (note.start, note.pitch))
    key = PITCH_NAMES[tonic] + ("m" if BOOK["scales"][mode][2] == MINOR_THIRD else "")
    sections = [(s.kind, round(arranger.at(s.first * arranger.steps), 4)) for s in arranger.form]
    return Score(arranger.seconds, bpm, key, arranger.parts, arranger.words, sections, band.beats, spec.loop)


def _entry(kept: Score, cut: float, until: float) -> float:
    """When the new music enters: with the next bar, or at once if there is none."""
    bar = kept.beats * 60 / kept.bpm
    first = max((at for _, at in kept.sections if at <= cut), default=0.0)
    downbeat = first + math.ceil((cut - first) / bar - 0.001) * bar
    return downbeat if downbeat < min(kept.seconds, until) else cut


def _joined(kept: Score, fresh: Score, spec: ScoreSpec, start: float, until: float) -> Score:
    """The kept score up to where the fresh one enters, and again where it resumes."""
    resume = spec.seconds if spec.resume is None else until

    def notes(part: str) -> Iterator[Note]:
        for note in kept.parts.get(part, ()):
            if note.start < start:
                # What swells swells on: its sound depends on its length.
                yield replace(note, end=min(note.end, spec.seconds if part == "fx" else start))
        for note in fresh.parts.get(part, ()):
            yield replace(note, start=round(note.start + start, 4), end=round(note.end + start, 4))
        for note in kept.parts.get(part, ()):
            if resume <= note.start < spec.seconds:
                yield replace(note, end=min(note.end, spec.seconds))

    words = [replace(word, end=min(word.end, start)) for word in kept.words if word.start < start]
    words += [replace(word, start=word.start + start, end=word.end + start) for word in fresh.words]
    words += [word for word in kept.words if resume <= word.start < spec.seconds]
    sections = [(kind, at) for kind, at in kept.sections if at < start]
    sections += [(kind, round(at + start, 4)) for kind, at in fresh.sections]
    sections += [(kind, at) for kind, at in kept.sections if resume <= at < spec.seconds]
    parts = {part: list(notes(part)) for part in PART_NAMES}
    return Score(spec.seconds, kept.bpm, kept.key, parts, words, sections, kept.beats)
