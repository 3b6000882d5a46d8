"""The Gemini Omni API: voices and characters with an id that Gemini Omni's clips can have in them."""

from typing import Final

import msgspec

from souk.dialects.dedicated import Create, failed, param_json, succeeded
from souk.dialects.envelope import failure, success
from souk.dialects.suno.tool import Tool
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

AUDIO: Final = Create("/api/v1/omni/audio/create", ("gemini-omni-audio",))
CHARACTER: Final = Create("/api/v1/omni/character/create", ("gemini-omni-character",))
WAIT_SECONDS: Final = 30.0
"""How long a call waits for what it asks for; both are quick to make."""


class _Made(msgspec.Struct, frozen=True, omit_defaults=True):
    kieAudioId: str = ""
    kieCharacterId: str = ""


class Omni(Tool):
    """``/api/v1/omni/…``: calls that answer with what they made, so that there is no record."""

    name = "omni"
    record_path = ""
    creates = (AUDIO, CHARACTER)

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        if create is CHARACTER and "description" in body:
            body = {"descriptions": body["description"], **body}
            del body["description"]
        return super().parse(create, body, idempotency_key)

    def answer(self, record: Record, request_id: str) -> bytes:
        """The answer to a create call, once its task has ended or the call has waited enough."""
        if succeeded(record):
            return success(self.data(record))
        if failed(record):
            fault = self.fault(record)
            return failure(fault.code, fault.text, "failed", request_id, retryable=record.retryable)
        text = "It is not ready yet. The same call with the same Idempotency-Key answers once it is."
        return failure(408, text, "not_ready", request_id, retryable=True)

    def data(self, record: Record, number: int = 0) -> JsonObject:  # noqa: ARG002 - shows no number
        made = msgspec.json.decode(record.result or "{}", type=_Made)
        name = record.input.get("name") or record.input.get("character_name") or ""
        return {**msgspec.to_builtins(made), "name": name}

    def told(self, record: Record) -> JsonObject:
        if failed(record):
            fault = self.told_fault(record)
            return {"code": fault.code, "msg": fault.text, "data": {"taskId": record.task_id}}
        data = {"taskId": record.task_id, "paramJson": param_json(record), **self.data(record)}
        return {"code": 200, "msg": "success", "data": data}
