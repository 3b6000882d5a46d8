"""The Gemini Omni API: voices and characters with an id that Gemini Omni Video takes."""

import msgspec

from souk.dialects.suno.direct import Direct
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject


class _Made(msgspec.Struct, frozen=True):
    kieAudioId: str = ""
    kieCharacterId: str = ""


class OmniVoice(Direct):
    """``/api/v1/omni/audio/create``."""

    name = "gemini-omni-audio"
    path = "/api/v1/omni/audio/create"

    def data(self, record: Record) -> JsonObject:
        return {"kieAudioId": _made(record).kieAudioId, "name": record.input.get("name", "")}


class OmniCharacter(Direct):
    """``/api/v1/omni/character/create``."""

    name = "gemini-omni-character"
    path = "/api/v1/omni/character/create"

    def parse(self, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        """As any; published examples write ``description`` where the schema has ``descriptions``."""
        given = {name: value for name, value in body.items() if name != "description"}
        if "description" in body:
            given.setdefault("descriptions", body["description"])
        return super().parse(given, idempotency_key)

    def data(self, record: Record) -> JsonObject:
        name = record.input.get("character_name", "")
        return {"kieCharacterId": _made(record).kieCharacterId, "name": name}


def _made(record: Record) -> _Made:
    return msgspec.json.decode(record.result or "{}", type=_Made)
