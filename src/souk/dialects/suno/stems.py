"""The vocal removal API: a song taken apart, into voice and the rest or into every instrument."""

from typing import Any, Final

import msgspec

from souk.dialects.dedicated import Create, Fault, failed
from souk.dialects.suno.tool import SongTool
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

GENERATE: Final = Create("/api/v1/vocal-removal/generate", ("suno-vocal-removal",), needs_callback=True)

TWO: Final = "separate_vocal"
NAMES: Final[dict[str, str]] = {
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
"""What ``stemName`` may ask for, by part; a caller may write either."""

RECORD_KEYS: Final[dict[str, str]] = {
    "instrumental": "instrumentalUrl",
    "vocal": "vocalUrl",
    "backing_vocals": "backingVocalsUrl",
    "drums": "drumsUrl",
    "bass": "bassUrl",
    "guitar": "guitarUrl",
    "piano": "pianoUrl",
    "keyboard": "keyboardUrl",
    "percussion": "percussionUrl",
    "strings": "stringsUrl",
    "synth": "synthUrl",
    "fx": "fxUrl",
    "brass": "brassUrl",
    "woodwinds": "woodwindsUrl",
}
"""Part -> key of the record, in the order of the wire: all of them, always."""
CALLBACK_PARTS: Final = tuple(NAMES)
"""The parts a callback tells of, in the order of the wire: it knows no piano."""

MADE: Final = "vocal separation generated successfully."
VOCALS_FAILED: Final = "Vocal separation failed"
INSTRUMENTS_FAILED: Final = "Instrument separation failed"


class Stem(msgspec.Struct, frozen=True):
    """One part of a song that was taken apart."""

    id: str
    part: str
    name: str
    url: str
    duration: float


class _Made(msgspec.Struct, frozen=True):
    stems: list[Stem] = []


def stems_of(record: Record) -> list[Stem]:
    """The stems a finished task made; none before."""
    return msgspec.json.decode(record.result, type=_Made).stems if record.result else []


class Stems(SongTool):
    """``/api/v1/vocal-removal/…``."""

    name = "suno-vocal-removal"
    record_path = "/api/v1/vocal-removal/record-info"
    creates = (GENERATE,)
    failed_word = "GENERATE_AUDIO_FAILED"

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        draft = super().parse(create, body, idempotency_key)
        if "stemName" in draft.input:
            draft.input["stemName"] = _named(draft.input["stemName"])
        return draft

    def moment(self, at: int | None) -> int | None:
        return at

    def response(self, record: Record) -> JsonObject:
        stems = stems_of(record)
        urls = {stem.part: stem.url for stem in stems}
        origin = [
            {
                "duration": stem.duration,
                "audio_url": stem.url,
                "stem_type_group_name": stem.name,
                "id": stem.id,
            }
            for stem in stems
        ]
        by_part = {key: urls.get(part) for part, key in RECORD_KEYS.items()}
        return {"id": None, "originUrl": None, "originData": origin, **by_part}

    def told(self, record: Record) -> JsonObject:
        if failed(record):
            fault = self.told_fault(record)
            data = {"task_id": record.task_id, "vocal_separation_info": None}
            return {"code": fault.code, "msg": fault.text, "data": data}
        data = {"task_id": record.task_id, "vocal_separation_info": _info(record)}
        return {"code": 200, "msg": MADE, "data": data}

    def own_told(self, record: Record) -> Fault:
        return Fault(500, VOCALS_FAILED if _is_two(record) else INSTRUMENTS_FAILED)


def _info(record: Record) -> JsonObject:
    urls = {stem.part: stem.url for stem in stems_of(record)}
    if _is_two(record):
        return {
            "instrumental_url": urls.get("instrumental", ""),
            "origin_url": "",
            "vocal_url": urls.get("vocal", ""),
        }
    return {"origin_url": "", **{f"{part}_url": urls.get(part, "") for part in CALLBACK_PARTS}}


def _is_two(record: Record) -> bool:
    return record.input.get("type", TWO) == TWO


def _named(value: Any) -> Any:
    """A stem's name as the catalogue spells it, however the caller did; anything else as it is."""
    if not isinstance(value, str):
        return value
    plain = "_".join(value.lower().replace("_", " ").replace("-", " ").split())
    known = {name.lower(): name for name in NAMES.values()} | NAMES
    return known.get(plain, value)
