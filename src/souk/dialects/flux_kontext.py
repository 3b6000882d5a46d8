"""The Flux Kontext API: one picture from words, or an edit of one."""

from collections.abc import Mapping
from typing import ClassVar, Final

from souk.dialects.dedicated import (
    Create,
    Dedicated,
    Fault,
    failed,
    files,
    flag,
    iso,
    param_json,
    succeeded,
)
from souk.operations.records import Record
from souk.words import FailKind, JsonObject

GENERATE: Final = Create("/api/v1/flux/kontext/generate", ("flux-kontext-pro", "flux-kontext-max"))


class FluxKontext(Dedicated):
    """``/api/v1/flux/kontext/…``."""

    name = "flux-kontext"
    record_path = "/api/v1/flux/kontext/record-info"
    creates = (GENERATE,)
    texts: ClassVar[Mapping[FailKind | int, str]] = {
        FailKind.MODERATION: "Your prompt was flagged by Website as violating content policies.",
        500: "Internal Error, Please try again later.",
        501: "Image generation task failed",
    }

    def data(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        return {
            "taskId": record.task_id,
            "paramJson": param_json(record, model=record.model),
            "completeTime": iso(record.completed_at),
            "response": _pictures(record) if succeeded(record) else None,
            "successFlag": flag(record),
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else "",
            "createTime": iso(record.created_at),
        }

    def told(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else Fault(200, "BFL image generated successfully.")
        return {
            "code": fault.code,
            "msg": fault.text,
            "data": {"taskId": record.task_id, "info": _pictures(record)},
        }


def _pictures(record: Record) -> JsonObject:
    """The maker's own address lapses within minutes there; the stored picture stands for both."""
    url = files(record).first
    return {"originImageUrl": url, "resultImageUrl": url}
