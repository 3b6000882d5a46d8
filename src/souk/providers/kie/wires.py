"""The visible table of KIE.AI's APIs: which upstream model is behind which. All that is not here is of the Market."""

from collections.abc import Mapping
from typing import Final

from souk.providers.kie import clips, song_tools
from souk.providers.kie.jobs import Jobs
from souk.providers.kie.songs import Songs
from souk.providers.kie.wire import Wire

MARKET: Final[Wire] = Jobs()

WIRES: Final[Mapping[str, Wire]] = {
    "gpt4o-image": clips.FOUR_O,
    "flux-kontext-pro": clips.KONTEXT,
    "flux-kontext-max": clips.KONTEXT,
    "runway": clips.RUNWAY,
    "runway-extend": clips.RUNWAY_EXTEND,
    "runway-aleph": clips.ALEPH,
    "veo3": clips.VEO,
    "veo3_fast": clips.VEO,
    "veo3_lite": clips.VEO,
    "veo-extend": clips.VEO_EXTEND,
    "veo-1080p": clips.VEO_FULL_HD,
    "veo-4k": clips.VEO_ULTRA_HD,
    "suno-generate": Songs("/api/v1/generate"),
    "suno-extend": Songs("/api/v1/generate/extend"),
    "suno-upload-cover": Songs("/api/v1/generate/upload-cover"),
    "suno-upload-extend": Songs("/api/v1/generate/upload-extend"),
    "suno-add-instrumental": Songs("/api/v1/generate/add-instrumental"),
    "suno-add-vocals": Songs("/api/v1/generate/add-vocals"),
    "suno-replace-section": Songs("/api/v1/generate/replace-section"),
    "suno-mashup": Songs("/api/v1/generate/mashup"),
    "suno-sounds": Songs("/api/v1/generate/sounds"),
    "suno-lyrics": song_tools.LYRICS,
    "suno-style": song_tools.STYLE,
    "suno-persona": song_tools.PERSONA,
    "suno-timestamped-lyrics": song_tools.TIMED_LYRICS,
    "suno-cover": song_tools.COVER,
    "suno-wav": song_tools.WAV,
    "suno-vocal-removal": song_tools.STEMS,
    "suno-midi": song_tools.NOTES,
    "suno-mp4": song_tools.VIDEO,
    "suno-voice-validate": song_tools.PHRASE,
    "suno-voice": song_tools.VOICE,
    "gemini-omni-audio": song_tools.OMNI_AUDIO,
    "gemini-omni-character": song_tools.OMNI_CHARACTER,
}


def wire_of(upstream_model: str) -> Wire:
    """The API behind an upstream model."""
    return WIRES.get(upstream_model, MARKET)
