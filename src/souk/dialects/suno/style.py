"""Suno's style call: a few words become a description that a song can be made by."""

from typing import Final

import msgspec

from souk.dialects.dedicated import failed, fault_of
from souk.dialects.envelope import failure, success
from souk.dialects.jobs import wire_credits
from souk.dialects.suno.direct import Direct
from souk.operations.records import Record
from souk.words import Credits, JsonObject

DONE: Final = "1"
FAILED: Final = "2"
"""``successFlag``, a text in this call."""


class Described(msgspec.Struct, frozen=True):
    """What the task made."""

    result: str = ""


class Style(Direct):
    """``/api/v1/style/generate``."""

    name = "suno-style"
    path = "/api/v1/style/generate"

    def data(self, record: Record) -> JsonObject:
        """``data`` without the balance, which is no task's."""
        fault = fault_of(record) if failed(record) else None
        made = msgspec.json.decode(record.result, type=Described) if record.result else Described()
        return {
            "taskId": record.task_id,
            "param": record.input.get("content", ""),
            "result": made.result,
            "creditsConsumed": wire_credits(record.credits or 0),
            "successFlag": FAILED if fault else DONE,
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else "",
            "errorMsg": fault.text if fault else None,  # recorded traffic has this name for it
            "createTime": record.created_at,
        }

    def balanced(self, record: Record, balance: Credits, request_id: str) -> bytes:
        """The answer to the call, with the credits that are left."""
        if record.completed_at is None:
            return self.answer(record, request_id)
        data = {**self.data(record), "creditsRemaining": wire_credits(balance)}
        if not failed(record):
            return success(data)
        fault = fault_of(record)
        return failure(fault.code, fault.text, "failed", request_id, data=data, retryable=record.retryable)
