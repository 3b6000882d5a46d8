"""The lyrics API: a few variants of a song's words."""

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from souk.dialects.dedicated import Create, Fault, failed, param_json, succeeded
from souk.dialects.envelope import ANSWERS, Answer, Reworded
from souk.dialects.suno.tool import Tool, state_word
from souk.operations.records import Record
from souk.operations.types import Draft, Reason, Refusal
from souk.words import FailKind, JsonObject

GENERATE: Final = Create("/api/v1/lyrics", ("suno-lyrics",), needs_callback=True)
LONGEST_PROMPT: Final = 200

REFUSALS: Final[dict[Reason, Answer]] = {
    Reason.INSUFFICIENT_CREDITS: Answer(429, ANSWERS[Reason.INSUFFICIENT_CREDITS].text),
    Reason.RATE_LIMITED: Answer(430, ANSWERS[Reason.RATE_LIMITED].text),
    Reason.QUEUE_FULL: Answer(405),
    Reason.BUSY: Answer(405),
}
"""This API has a table of codes of its own, where 429 means an empty purse."""
TOO_LONG: Final = 413

FLAGGED: Final = "Song Description flagged for moderation"
NOT_WRITTEN: Final = "Unable to generate lyrics from song description"
MADE: Final = "All generated successfully."


class Variant(msgspec.Struct, frozen=True):
    """One version of the words."""

    title: str
    text: str


class _Made(msgspec.Struct, frozen=True):
    variants: list[Variant] = []


class Lyrics(Tool):
    """``/api/v1/lyrics…``."""

    name = "suno-lyrics"
    record_path = "/api/v1/lyrics/record-info"
    creates = (GENERATE,)
    texts: ClassVar[Mapping[FailKind | int, str]] = {
        FailKind.MODERATION: FLAGGED,
        FailKind.BAD_INPUT: NOT_WRITTEN,
        FailKind.UNSUPPORTED: NOT_WRITTEN,
    }

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        draft = super().parse(create, body, idempotency_key)
        prompt = draft.input.get("prompt")
        if isinstance(prompt, str) and len(prompt) > LONGEST_PROMPT:
            message = f"prompt must have at most {LONGEST_PROMPT} characters (got {len(prompt)})"
            refusal = Refusal(Reason.INVALID_INPUT, message, field="prompt")
            raise Reworded(refusal, Answer(TOO_LONG, message))
        return draft

    def reworded(self, refusal: Refusal) -> Refusal:
        answer = REFUSALS.get(refusal.reason)
        return Reworded(refusal, answer) if answer else super().reworded(refusal)

    def data(self, record: Record, number: int = 0) -> JsonObject:  # noqa: ARG002 - shows no number
        fault = self.fault(record) if failed(record) else None
        written = [
            {"text": variant.text, "title": variant.title, "status": "complete", "errorMessage": ""}
            for variant in _variants(record)
        ]
        return {
            "taskId": record.task_id,
            "param": param_json(record),
            "response": {"taskId": record.task_id, "data": written} if succeeded(record) else None,
            "status": _status(record),
            "type": "LYRICS",
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else None,
        }

    def told(self, record: Record) -> JsonObject:
        fault = self.told_fault(record) if failed(record) else Fault(200, MADE)
        written = [
            {"error_message": "", "status": "complete", "text": variant.text, "title": variant.title}
            for variant in _variants(record)
        ]
        # The type stays the same for failures.
        data = {"callbackType": "complete", "task_id": record.task_id, "data": written or None}
        return {"code": fault.code, "msg": fault.text, "data": data}


def _variants(record: Record) -> list[Variant]:
    return msgspec.json.decode(record.result, type=_Made).variants if record.result else []


def _status(record: Record) -> str:
    if record.fail_kind is FailKind.MODERATION:
        return "SENSITIVE_WORD_ERROR"
    return state_word(record, "GENERATE_LYRICS_FAILED")
