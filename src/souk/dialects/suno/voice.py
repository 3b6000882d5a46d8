"""The voice API: a phrase to sing, and then a voice that songs can have."""

from dataclasses import replace
from typing import Final

import msgspec

from souk.dialects.dedicated import Create, Fault, failed, succeeded
from souk.dialects.envelope import success
from souk.dialects.fields import address, refuse_misspelt
from souk.dialects.suno.span import Span
from souk.dialects.suno.tool import Tool
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

VALIDATE: Final = Create("/api/v1/voice/validate", ("suno-voice-validate",))
REGENERATE: Final = Create("/api/v1/voice/regenerate", ("suno-voice-validate",))
"""Makes a new validate task; its route is not like the others."""
GENERATE: Final = Create("/api/v1/voice/generate", ("suno-voice",))
CHECK_PATH: Final = "/api/v1/voice/check-voice"

SUNG: Final = Span("vocalStartS", "vocalEndS", 1, 3600)
"""Where in the recording somebody sings."""

MISSPELT_CALLBACK: Final = "calBackUrl"
"""How the service spells ``callBackUrl`` in regenerate."""

NO_PHRASE: Final = Fault(500, "phrase failed")
NO_VOICE: Final = Fault(500, "voice failed")


class _Made(msgspec.Struct, frozen=True):
    validateInfo: str = ""
    voiceId: str = ""


class _Voice(Tool):
    """What both halves share: a short record, which the callback repeats."""

    key: str
    """Where the record shows what was made."""
    unfinished: str
    """``status`` while the work is under way."""
    finished: str

    def data(self, record: Record, number: int = 0) -> JsonObject:  # noqa: ARG002 - shows no number
        fault = self.fault(record) if failed(record) else None
        return {
            "taskId": record.task_id,
            self.key: getattr(_made(record), self.key),
            "status": self._status(record),
            "errorCode": fault.code if fault else 0,
            "errorMessage": fault.text if fault else "",
        }

    def told(self, record: Record) -> JsonObject:
        fault = Fault(self.told_fault(record).code, "fail") if failed(record) else Fault(200, "success")
        return {"code": fault.code, "msg": fault.text, "data": self.data(record)}

    def _status(self, record: Record) -> str:
        if failed(record):
            return "fail"
        if succeeded(record):
            return self.finished
        return "wait_processing" if record.state == "waiting" else self.unfinished


class VoicePhrase(_Voice):
    """``/api/v1/voice/validate…`` and ``regenerate``."""

    name = "suno-voice-validate"
    record_path = "/api/v1/voice/validate-info"
    creates = (VALIDATE,)
    own = NO_PHRASE
    key = "validateInfo"
    unfinished = "processing_validate"
    finished = "wait_validating"

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        draft = super().parse(create, body, idempotency_key)
        SUNG.check(draft.input)
        return draft

    def again(self, earlier: Record, body: JsonObject, idempotency_key: str | None) -> Draft:
        """Another phrase for the recording of an earlier task. Raises Refusal."""
        refuse_misspelt(body.keys() - {MISSPELT_CALLBACK, "callBackUrl", "clientTaskId"}, body)
        callback = address(body, "callBackUrl") or address(body, MISSPELT_CALLBACK)
        own = {name: body[name] for name in ("clientTaskId",) if name in body}
        avoid = _made(earlier).validateInfo or earlier.input.get("avoid")
        draft = self.parse(VALIDATE, {**earlier.input, **own}, idempotency_key)
        draft = replace(draft, callback_url=callback, operation=f"{REGENERATE.path}:{earlier.task_id}")
        return draft.with_filled(avoid=avoid) if avoid else draft


class Voice(_Voice):
    """``/api/v1/voice/generate`` and what follows."""

    name = "suno-voice"
    record_path = "/api/v1/voice/record-info"
    creates = (GENERATE,)
    own = NO_VOICE
    key = "voiceId"
    unfinished = "wait_processing"
    finished = "success"

    def available(self, record: Record) -> bytes:
        """The answer to the question whether the voice of a task can be used."""
        return success({"isAvailable": succeeded(record)})


def _made(record: Record) -> _Made:
    return msgspec.json.decode(record.result, type=_Made) if record.result else _Made()
