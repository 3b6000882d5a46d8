"""Suno's persona call: the manner of a finished track becomes something that later songs can name."""

from typing import Final

import msgspec

from souk.dialects.envelope import Answer, Reworded
from souk.dialects.suno.direct import Direct
from souk.dialects.suno.span import Span
from souk.operations.records import Record
from souk.operations.types import Draft, Reason, Refusal
from souk.words import JsonObject

SPAN: Final = Span("vocalStart", "vocalEnd", 10, 30)
"""The stretch that is listened to. Published schemas spell both names with a space before."""
TAKEN: Final = Answer(409, "persona already exists for this music")


class Made(msgspec.Struct, frozen=True):
    """What the task made."""

    personaId: str = ""


class Persona(Direct):
    """``/api/v1/generate/generate-persona``."""

    name = "suno-persona"
    path = "/api/v1/generate/generate-persona"

    def parse(self, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        spaced = {f" {name}": name for name in (SPAN.start, SPAN.end) if name not in body}
        given = {spaced.get(name, name): value for name, value in body.items()}
        SPAN.check(given, 0, 30)
        return super().parse(given, idempotency_key)

    def data(self, record: Record) -> JsonObject:
        return {
            "personaId": persona_id(record),
            "name": record.input.get("name", ""),
            "description": record.input.get("description", ""),
        }


def persona_id(record: Record) -> str:
    """The persona a task made; empty while there is none."""
    return msgspec.json.decode(record.result, type=Made).personaId if record.result else ""


def taken(record: Record | None) -> Refusal:
    """That a track has its persona. What to use instead is said beside the words of the wire."""
    made = persona_id(record) if record else ""
    which = (
        f"it is {made}"
        if made
        else f"task {record.task_id} is making it"
        if record
        else "it was just asked for"
    )
    message = f"a track gives one persona, and this one has given it: {which}"
    return Reworded(Refusal(Reason.CONFLICT, message, field="audioId"), TAKEN)
