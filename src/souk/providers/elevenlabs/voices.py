"""The voices everybody has at ElevenLabs, by name. The service itself goes by id."""

import re
from typing import Final

from souk.providers.base import Refused
from souk.words import FailKind

VOICES: Final = {
    "Rachel": "21m00Tcm4TlvDq8ikWAM",
    "Aria": "9BWtsMINqrJLrRacOk9x",
    "Roger": "CwhRBWXzGAHq8TQ4Fs17",
    "Sarah": "EXAVITQu4vr4xnSDxMaL",
    "Laura": "FGY2WhTYpPnrIDTdsKH5",
    "Charlie": "IKne3meq5aSn9XLyUdCD",
    "George": "JBFqnCBsd6RMkjVDRZzb",
    "Callum": "N2lVS1w4EtoT3dr4eOWO",
    "River": "SAz9YHcvj6GT2YYXdXww",
    "Harry": "SOYHLrjzK2X1ezoPC6cr",
    "Liam": "TX3LPaxmHKxFdv7VOQHJ",
    "Charlotte": "XB0fDUnXU5powFXDhCwa",
    "Alice": "Xb7hH8MSUJpSbSDYk0k2",
    "Matilda": "XrExE9yKIg1WjnnlVkGX",
    "Will": "bIHbv24MWmeRgasZH58o",
    "Jessica": "cgSgspJ2msm6clMCkdW9",
    "Eric": "cjVigY5qzO86Huf0OWal",
    "Chris": "iP95p4xoKVk53GoZ742B",
    "Brian": "nPczCjzI2devNBz1zQrb",
    "Daniel": "onwK4e9ZLuTAKqWW03F9",
    "Lily": "pFZP5JQG7iQjIQuC4Bku",
    "Adam": "pNInz6obpgDQGcFmaJgB",
    "Bill": "pqHfZKP75CvOlQylNhV4",
}
_BY_NAME: Final = {name.casefold(): id for name, id in VOICES.items()}
_ID: Final = re.compile(r"[A-Za-z0-9]{20}")


def voice_id(voice: str, field: str) -> str:
    """The id of a voice given by name or id. Raises Refused for a name that is not known here."""
    if known := _BY_NAME.get(voice.strip().casefold()):
        return known
    if _ID.fullmatch(voice):
        return voice
    raise Refused(FailKind.UNSUPPORTED, f"{field}: {voice[:40]!r} is neither a known voice nor the id of one")
