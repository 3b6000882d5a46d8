"""Take a song apart: by its score where the sandbox wrote it, else by where and how high things sound.

Either way the parts are complete: added up they are the song again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from souk.providers.children.given import CannotUse
from souk.providers.children.results import Made
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.audio_file import write_sound
from souk.providers.sandbox.mixing import Stereo, heard
from souk.providers.sandbox.score import PART_NAMES, Score, ScoreSpec, compose, parts_of
from souk.providers.sandbox.synth import RATE, render
from souk.providers.sandbox.voice import Samples
from souk.words import JsonObject

TWO: Final = "separate_vocal"
ONE: Final = "split_stem_advanced"
SUNG: Final = ("vocal", "backing_vocals")
INSTRUMENTAL: Final = "instrumental"
BITRATE: Final = 192_000
LOWEST_VOICE, HIGHEST_VOICE = 160.0, 6000.0
"""Hertz between which a voice is looked for."""
BLOCK: Final = 1 << 16
"""Samples that are looked at together; blocks overlap by half."""


@dataclass(frozen=True, slots=True)
class Stem:
    """One part of a song, not yet sounding."""

    part: str
    sound: Callable[[], Stereo]
    data: JsonObject
    """What later tasks must know of it."""

    @property
    def name(self) -> str:
        return PART_NAMES.get(self.part, "Instrumental")


def take_apart(ask: Ask) -> Made:
    """The stems that are asked for: a file and a piece each. Raises CannotUse."""
    made = Made()
    stems: list[JsonObject] = []
    for number, stem in enumerate(_chosen(ask)):
        sound = stem.sound()
        path = ask.folder / f"{number}.mp3"
        file = made.add(path, write_sound(sound, RATE, path, BITRATE))
        made.labels[number] = stem.name
        told = {"part": stem.part, "name": stem.name, "duration": round(len(sound) / RATE, 2)}
        made.pieces.append({"kind": "stem", "file": file["$file"], "data": told | stem.data})
        stems.append({"id": {"$piece": number}, "url": file} | told)
    made.result = {"resultUrls": [stem["url"] for stem in stems], "stems": stems}
    return made


def _chosen(ask: Ask) -> list[Stem]:
    kind = str(ask.input.get("type") or TWO)
    stems = list(_of_song(ask, two=kind == TWO))
    if kind != ONE:
        return stems
    wanted = str(ask.input["stemName"])
    found = [stem for stem in stems if stem.name == wanted]
    if not found:
        there = ", ".join(stem.name for stem in stems)
        raise CannotUse(f"There is no {wanted} in it; what can be taken out is {there}.")
    return found


def _of_song(ask: Ask, *, two: bool) -> Iterator[Stem]:
    written = next((parent.data["score"] for parent in ask.parents if parent.data.get("score")), None)
    if written:
        yield from _of_score(written, two=two)
        return
    given = next((given for given in ask.media if given.field in ("audioId", "audioUrl")), None)
    if given is None:
        raise CannotUse("There is no sound to take apart.")
    yield from _of_sound(heard(given), two=two)


def _of_score(written: JsonObject, *, two: bool) -> Iterator[Stem]:
    score = compose(ScoreSpec.from_json(written))
    playing = parts_of(score)
    if two:
        groups = {
            "vocal": [part for part in playing if part in SUNG],
            INSTRUMENTAL: [part for part in playing if part not in SUNG],
        }
    else:
        groups = {part: [part] for part in playing}
    for part, parts in groups.items():
        yield Stem(part, _player(score, parts), {"score": written, "parts": parts})


def _player(score: Score, parts: list[str]) -> Callable[[], Stereo]:
    return lambda: render(score, parts)


def _of_sound(sound: Stereo, *, two: bool) -> Iterator[Stem]:
    """Low, high and in between; a voice is in between and in the middle. The shares add up to all there is."""

    def low(hertz: Samples) -> Samples:
        return _below(hertz, LOWEST_VOICE)

    def high(hertz: Samples) -> Samples:
        return (1 - low(hertz)) * (1 - _below(hertz, HIGHEST_VOICE))

    def between(hertz: Samples) -> Samples:
        return (1 - low(hertz)) * _below(hertz, HIGHEST_VOICE)

    def nothing(hertz: Samples) -> Samples:
        return np.zeros_like(hertz)

    def all_but_voice(hertz: Samples) -> Samples:
        return 1 - between(hertz)

    def everything(hertz: Samples) -> Samples:
        return np.ones_like(hertz)

    shares = (
        {"vocal": (between, nothing), INSTRUMENTAL: (all_but_voice, everything)}
        if two
        else {
            "vocal": (between, nothing),
            "drums": (high, high),
            "bass": (low, low),
            "guitar": (nothing, between),
        }
    )
    for part, (middle, side) in shares.items():
        yield Stem(part, _filter(sound, middle, side), {})


Share = Callable[[Samples], Samples]
"""How much of each frequency belongs to a part, from 0 to 1."""


def _filter(sound: Stereo, middle: Share, side: Share) -> Callable[[], Stereo]:
    return lambda: filtered(sound, middle, side)


def filtered(sound: Stereo, middle: Share, side: Share) -> Stereo:
    """A part's share of what both ears hear alike (``middle``) and of what differs between them (``side``)."""
    hop = BLOCK // 2
    window = np.hanning(BLOCK + 1)[:BLOCK, None]  # shifted by half a block and added, it is 1 everywhere
    hertz = np.fft.rfftfreq(BLOCK, 1 / RATE)
    gains = np.stack([middle(hertz), side(hertz)], axis=1)
    turn = np.array([[0.5, 0.5], [0.5, -0.5]])
    padded = np.zeros((hop + (len(sound) // hop + 2) * hop, 2))
    padded[hop : hop + len(sound)] = sound
    out = np.zeros_like(padded)
    for start in range(0, len(padded) - BLOCK + 1, hop):
        spectrum = np.fft.rfft((padded[start : start + BLOCK] @ turn) * window, axis=0)
        out[start : start + BLOCK] += np.fft.irfft(spectrum * gains, BLOCK, axis=0) @ (turn * 2)
    return out[hop : hop + len(sound)].astype(np.float32)


def _below(hertz: Samples, edge: float) -> Samples:
    return 1 / (1 + (hertz / edge) ** 6)
