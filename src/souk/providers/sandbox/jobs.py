"""The sandbox's jobs as a child process does them, by the kind of result that is asked.

Imports are late on purpose: a picture job must not pay for the video libraries.
"""

from souk.providers.children.results import Made
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.steps import STEP
from souk.words import JsonObject

SONG_TOOLS = frozenset(
    {"lyrics", "stem-separation", "audio-to-midi", "cover-art", "voice-phrase", "voice-clone"}
)
"""Kinds of work around songs, with a maker each in ``song_tools``."""
SONG_FACTS = ("describe-style", "make-persona", "time-lyrics")
"""What is told of songs in words and numbers."""


def make(request: JsonObject) -> Made:
    """Make what a job asks for. Raises CannotUse."""
    ask = Ask.read(request)
    if STEP in request:
        from souk.providers.sandbox import songs

        return songs.make_step(ask, request)
    if ask.task in SONG_FACTS:
        from souk.providers.sandbox import song_facts

        return song_facts.make_facts(ask)
    if ask.task in SONG_TOOLS:
        from souk.providers.sandbox import song_tools

        return song_tools.MAKERS[ask.task](ask)
    kind = kind_of(ask)
    if kind == "image":
        from souk.providers.sandbox import stills

        layered = ask.task == "layer-decomposition" and ask.of_kind("image")
        return stills.make_layers(ask) if layered else stills.make_pictures(ask)
    if kind == "video":
        from souk.providers.sandbox import clip

        return clip.make_clips(ask)
    if kind == "audio":
        from souk.providers.sandbox import soundtrack

        return soundtrack.make_sounds(ask)
    from souk.providers.sandbox import reading

    return reading.make_reading(ask)


def kind_of(ask: Ask) -> str:
    """What the job makes: as asked, but an upscale gives back the kind of file it was given."""
    kind = str(ask.output.get("kind") or "image")
    if ask.task == "upscale" and kind in ("image", "video"):
        kinds = {given.kind for given in ask.media}
        if kind not in kinds and kinds & {"image", "video"}:
            return "video" if kind == "image" else "image"
    return kind
