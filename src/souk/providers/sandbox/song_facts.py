"""What the sandbox tells of songs in words and numbers: a style spelt out, a singer's manner, when each word sounds."""

from souk.providers.children.given import CannotUse
from souk.providers.children.results import Made
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.lyrics import boost_style
from souk.providers.sandbox.mixing import heard
from souk.providers.sandbox.score import aligned_words, compose
from souk.providers.sandbox.song_source import Source, source_of
from souk.providers.sandbox.synth import waveform
from souk.words import JsonObject


def make_facts(ask: Ask) -> Made:
    """Do a job of this kind. Raises CannotUse."""
    made = Made()
    if ask.task == "describe-style":
        made.result = {"result": boost_style(str(ask.input["content"]), ask.seed)}
    elif ask.task == "make-persona":
        made.result = {"personaId": {"$piece": 0}}
        made.pieces.append({"kind": "persona", "data": _manner(ask, source_of(ask))})
    else:
        made.result = _timing(source_of(ask))
    return made


def _manner(ask: Ask, source: Source) -> JsonObject:
    """What songs made with a persona take from it."""
    start = float(ask.input.get("vocalStart") or 0)
    if start >= source.seconds:
        raise CannotUse(f"vocalStart must lie inside the track, which lasts {source.seconds:.2f} seconds.")
    vocal = compose(source.score).parts.get("vocal") if source.score else None
    voice = "m" if vocal and vocal[0].voice == "baritone" else "f" if vocal else ""
    return {
        "name": ask.input.get("name", ""),
        "description": ask.input.get("description", ""),
        "style": str(ask.input.get("style") or source.said("tags")),
        "voice": voice,
    }


def _timing(source: Source) -> JsonObject:
    if source.given is None:
        raise CannotUse(f"{source.field}: the track's file is no longer there.")
    words = aligned_words(compose(source.score)) if source.score and source.said("lyrics") else []
    return {
        "alignedWords": words,
        "waveformData": waveform(heard(source.given)),
        "hootCer": 0.0,
        "isStreamed": False,
    }
