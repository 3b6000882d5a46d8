"""What the sandbox makes around songs: lyrics, stems, notes, covers, phrases to sing and voices."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from souk.providers.children.given import CannotUse
from souk.providers.children.results import Made
from souk.providers.sandbox.ask import Ask
from souk.words import JsonObject

VARIANTS: Final = 2
TIME_DIGITS: Final = 3
MEASURING_RATE: Final = 8000
"""Samples a second, enough to measure a recording's length."""


def make_lyrics(ask: Ask) -> Made:
    """Two versions of a song's words."""
    from souk.providers.sandbox.lyrics import write

    written = [write(ask.words, ask.seed + number) for number in range(VARIANTS)]
    return Made(result={"variants": [{"title": title, "text": text} for title, text in written]})


def make_stems(ask: Ask) -> Made:
    """A song, or any sound, taken apart. Raises CannotUse."""
    from souk.providers.sandbox.stems import take_apart

    return take_apart(ask)


def make_notes(ask: Ask) -> Made:
    """The notes of the stems that are named; none of sound whose score nobody wrote."""
    from souk.providers.sandbox.score import compose, midi_notes
    from souk.providers.sandbox.song import ScoreSpec

    stems = [parent.data for parent in ask.parents if parent.data.get("score")]
    instruments: list[JsonObject] = []
    for stem in stems:
        score = compose(ScoreSpec.from_json(stem["score"]))
        instruments += midi_notes(score, stem["parts"])
    return Made(result={"instruments": [_rounded(instrument) for instrument in instruments]})


def make_covers(ask: Ask) -> Made:
    """Pictures of what a song is about; those it has already are left alone."""
    from souk.providers.sandbox.stills import make_pictures

    return make_pictures(replace(ask, media=()))


def make_phrase(ask: Ask) -> Made:
    """A phrase to sing. Raises CannotUse."""
    from souk.providers.sandbox.phrases import phrase

    length, start = _length(ask, "voiceUrl"), float(ask.input["vocalStartS"])
    if start >= length:
        raise CannotUse(f"vocalStartS is {start:g}, and the recording lasts {length:.1f} seconds.")
    said = phrase(str(ask.input.get("language") or "en"), ask.seed, str(ask.input.get("avoid") or ""))
    return Made(result={"validateInfo": said})


def make_voice(ask: Ask) -> Made:
    """A voice that songs can name. Raises CannotUse."""
    _length(ask, "verifyUrl")
    fields = ("voiceName", "description", "style", "singerSkillLevel")
    known: JsonObject = {name: ask.input[name] for name in fields if name in ask.input}
    piece: JsonObject = {"kind": "voice", "data": known}
    return Made(result={"voiceId": {"$piece": 0}}, pieces=[piece])


MAKERS: Final[dict[str, Callable[[Ask], Made]]] = {
    "lyrics": make_lyrics,
    "stem-separation": make_stems,
    "audio-to-midi": make_notes,
    "cover-art": make_covers,
    "voice-phrase": make_phrase,
    "voice-clone": make_voice,
}
"""By the kind of work."""


def _rounded(instrument: JsonObject) -> JsonObject:
    times = ("start", "end", "velocity")
    notes: list[JsonObject] = [
        {**note, **{name: round(note[name], TIME_DIGITS) for name in times}} for note in instrument["notes"]
    ]
    return {"name": instrument["name"], "notes": notes}


def _length(ask: Ask, field: str) -> float:
    """Seconds of the recording in a field. Raises CannotUse."""
    from souk.providers.sandbox.audio_file import read_sound

    given = next((given for given in ask.media if given.field == field), None)
    sound = read_sound(given.path, field, MEASURING_RATE) if given else None
    if sound is None or not sound.size:
        raise CannotUse(f"The file of {field} has no sound.")
    return sound.size / MEASURING_RATE
