"""What a song is to be, settled before anything sounds: its title, styles and words, its length, what is made anew."""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from souk.providers.children.given import CannotUse
from souk.providers.sandbox import lyrics
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.song_source import MOST_SECONDS, Source, source_of, uploads
from souk.providers.sandbox.styles import band_for
from souk.providers.sandbox.syllables import STAGE_DIRECTION
from souk.providers.sandbox.triggers import TRIGGER
from souk.words import JsonObject

TYPICAL_SECONDS = 90.0
SOUND_SECONDS = 10.0
SPREAD = (2 / 3, 4 / 3)
"""Songs without an asked length last between these shares of the typical one."""
CONTINUED = 0.4
"""Share of the typical length of a continued song that is new."""
LEAST_NEW_SECONDS = 1.0
MOST_OF_TRACK = 0.5
"""Share of a track that a new section may be."""
MOODS = {"major": "bright", "minor": "wistful", "dorian": "cool", "mixolydian": "easy", "phrygian": "dark"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A song that is about to be made."""

    title: str
    tags: str
    """Its styles, as the record shows them."""
    lyrics: str
    """All its words."""
    sung: str
    """Those that the new music sings."""
    seconds: float
    instrumental: bool = False
    style: str = ""
    """What the composer reads; the tags if empty."""
    start: float = 0.0
    """Where the new music begins."""
    end: float | None = None
    """Where it ends, if before the song does."""

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, data: JsonObject) -> "Plan":
        return cls(**data)


def plan_of(ask: Ask) -> Plan:
    """The plan of a request. Raises CannotUse where it does not fit what the song is made from."""
    return PLANS[ask.task](ask)


def _new(ask: Ask) -> Plan:
    """A song from words alone: lyrics and styles in custom mode, else a wish that becomes both."""
    instrumental = bool(ask.input.get("instrumental"))
    prompt = _text(ask, "prompt")
    seconds = float(ask.output.get("seconds") or _about(ask, TYPICAL_SECONDS))
    if ask.input.get("customMode"):
        sung = "" if instrumental else prompt
        tags = _text(ask, "style")
        return Plan(_text(ask, "title"), tags, sung, sung, seconds, instrumental, _styled(ask, tags))
    title, words = lyrics.write(prompt, ask.seed)
    sung = "" if instrumental else prompt if _is_lyrics(prompt) else words
    return Plan(title, described(prompt, ask), sung, sung, seconds, instrumental, prompt)


def _cover(ask: Ask) -> Plan:
    source = uploads(ask)[0]
    return replace(_new(ask), seconds=float(ask.output.get("seconds") or source.seconds))


def _mashup(ask: Ask) -> Plan:
    """Two tracks and what they have to say; new words only where they are given."""
    plan, longest = _new(ask), max(source.seconds for source in uploads(ask))
    sung = plan.sung if ask.input.get("customMode") else ""
    return replace(plan, seconds=float(ask.output.get("seconds") or longest), lyrics=sung, sung=sung)


def _extended(ask: Ask) -> Plan:
    """A song that goes on from a moment of a track or of given audio."""
    source = source_of(ask)
    _same_model(ask, source)
    at = float(ask.input.get("continueAt") or source.seconds)
    if at > source.seconds + 0.05:
        raise CannotUse(f"continueAt must lie inside the audio, which lasts {source.seconds:.2f} seconds.")
    own = bool(ask.input.get("defaultParamFlag"))
    prompt = _text(ask, "prompt")
    title = (_text(ask, "title") if own else "") or source.said("title") or lyrics.write(prompt, ask.seed)[0]
    tags = (_text(ask, "style") if own else "") or source.said("tags") or described(prompt, ask)
    instrumental = bool(ask.input.get("instrumental"))
    sung = "" if instrumental else _lyrics(prompt or title, ask)
    seconds = min(MOST_SECONDS, round(at + CONTINUED * _about(ask, TYPICAL_SECONDS), 2))
    if MOST_SECONDS - at < LEAST_NEW_SECONDS:
        raise CannotUse(
            f"A song lasts at most {MOST_SECONDS:g} seconds, and {at:.2f} of them are there already."
        )
    whole, style = _both(source.said("lyrics"), sung), _styled(ask, tags)
    return Plan(title, tags, whole, sung, seconds, instrumental, style, start=at)


def _with_vocals(ask: Ask) -> Plan:
    sung = _lyrics(_text(ask, "prompt"), ask)
    return Plan(_text(ask, "title"), _text(ask, "style"), sung, sung, uploads(ask)[0].seconds)


def _with_band(ask: Ask) -> Plan:
    return Plan(_text(ask, "title"), _text(ask, "tags"), "", "", uploads(ask)[0].seconds, instrumental=True)


def _resectioned(ask: Ask) -> Plan:
    """A track with one section made anew."""
    source = source_of(ask)
    start, end = float(ask.input["infillStartS"]), float(ask.input["infillEndS"])
    if end > source.seconds + 0.05:
        raise CannotUse(f"infillEndS must lie inside the track, which lasts {source.seconds:.2f} seconds.")
    if end - start > source.seconds * MOST_OF_TRACK:
        raise CannotUse(
            f"The section may last at most half of the track ({source.seconds * MOST_OF_TRACK:.2f} seconds)."
        )
    sung = _text(ask, "prompt")
    whole = _text(ask, "fullLyrics") or _both(source.said("lyrics"), sung)
    return Plan(_text(ask, "title"), _text(ask, "tags"), whole, sung, source.seconds, start=start, end=end)


def _sound(ask: Ask) -> Plan:
    prompt = _text(ask, "prompt")
    return Plan(prompt[:80].capitalize(), prompt, "", "", _about(ask, SOUND_SECONDS), instrumental=True)


PLANS: dict[str, Callable[[Ask], Plan]] = {
    "text-to-music": _new,
    "music-cover": _cover,
    "mashup": _mashup,
    "music-extend": _extended,
    "music-extend-upload": _extended,
    "add-vocals": _with_vocals,
    "add-instrumental": _with_band,
    "replace-section": _resectioned,
    "text-to-sound": _sound,
}


def described(wish: str, ask: Ask) -> str:
    """Style tags for a song that was given none."""
    band = band_for(wish, str(ask.input.get("negativeTags") or ""), ask.seed)
    return f"{band.name}, {MOODS[band.mode]}, {band.bpm} bpm"


def persona_of(ask: Ask) -> JsonObject:
    """What is known of the persona or voice a song shall have; empty for none."""
    named = (parent.data for parent in ask.parents if parent.field == "personaId")
    return next(named, dict[str, Any]())


def _styled(ask: Ask, tags: str) -> str:
    return ", ".join(part for part in (tags, str(persona_of(ask).get("style") or "")) if part)


def _same_model(ask: Ask, source: Source) -> None:
    made, asked = source.said("model"), ask.input.get("model")
    if made and asked != made:
        raise CannotUse(f"model must be that of the track, {made} (got {asked}).")


def _lyrics(text: str, ask: Ask) -> str:
    """A text that is sung as it is, or words written to its wish."""
    return text if _is_lyrics(text) else lyrics.write(text, ask.seed)[1]


def _is_lyrics(text: str) -> bool:
    """Whether a text is words to sing rather than a wish: it has section tags or several lines."""
    return bool(STAGE_DIRECTION.search(text)) or len(text.splitlines()) > 1


def _both(before: str, after: str) -> str:
    return "\n\n".join(part for part in (before, after) if part)


def _text(ask: Ask, name: str) -> str:
    """A text of the input, its lines as they are, without triggers."""
    return TRIGGER.sub("", str(ask.input.get(name) or "")).strip()


def _about(ask: Ask, typical: float) -> float:
    """A length near the typical one, the same for the same task."""
    chance = random.Random(f"length/{ask.seed}")  # noqa: S311 -- music, no secret
    return round(float(ask.output.get("seconds_typical") or typical) * chance.uniform(*SPREAD), 2)
