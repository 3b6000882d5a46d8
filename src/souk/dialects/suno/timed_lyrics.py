"""Suno's call for timed lyrics: when each word of a track sounds, and what the track looks like as a wave."""

from typing import Final

import msgspec

from souk.dialects.envelope import Answer
from souk.dialects.suno.direct import Direct
from souk.operations.records import Record
from souk.words import JsonObject

UNKNOWN: Final = Answer(404, "not found")
"""What this call alone answers for an unknown task or track."""

_decode = msgspec.json.Decoder(dict).decode


class TimedLyrics(Direct):
    """``/api/v1/generate/get-timestamped-lyrics``."""

    name = "suno-timestamped-lyrics"
    path = "/api/v1/generate/get-timestamped-lyrics"

    def data(self, record: Record) -> JsonObject:
        made = _decode(record.result) if record.result else {}
        return {
            "alignedWords": made.get("alignedWords", []),
            "waveformData": made.get("waveformData", []),
            "hootCer": made.get("hootCer", 0),
            "isStreamed": made.get("isStreamed", False),
        }
