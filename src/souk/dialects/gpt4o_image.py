"""The 4o Image API: one to four pictures from words or pictures, and a direct link for each."""

from collections.abc import Mapping
from typing import ClassVar, Final

from souk.dialects.dedicated import Create, Dedicated, failed, files, flag, param_json, succeeded
from souk.dialects.envelope import Rejected
from souk.operations.records import Record
from souk.words import FailKind, JsonObject

GENERATE: Final = Create("/api/v1/gpt4o-image/generate", ("gpt4o-image",))
DOWNLOAD_PATH: Final = "/api/v1/gpt4o-image/download-url"
LAPSED: Final = "Temporarily supports records within 14 days"
FAILED: Final = 2
"""``successFlag`` of any failure; ``status`` tells them apart."""

STATUS: Final = {0: "GENERATING", 1: "SUCCESS", 2: "CREATE_TASK_FAILED", 3: "GENERATE_FAILED"}


class Gpt4oImage(Dedicated):
    """``/api/v1/gpt4o-image/…``."""

    name = "gpt4o-image"
    record_path = "/api/v1/gpt4o-image/record-info"
    creates = (GENERATE,)
    texts: ClassVar[Mapping[FailKind | int, str]] = {
        FailKind.MODERATION: "Your content was flagged by OpenAI as violating content policies",
        500: "Failed to generate image",
    }

    def data(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        made = files(record).resultUrls
        ended = record.completed_at is not None
        return {
            "taskId": record.task_id,
            "paramJson": param_json(record),
            "completeTime": record.completed_at,
            # Older clients read the second name.
            "response": {"resultUrls": made, "result_urls": made} if ended else None,
            "successFlag": min(flag(record), FAILED),
            "status": STATUS[flag(record)],
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else "" if ended else None,
            "createTime": record.created_at,
            "progress": _progress(record),
        }

    def told(self, record: Record) -> JsonObject:
        if failed(record):
            fault = self.fault(record)
            return {"code": fault.code, "msg": fault.text, "data": {"taskId": record.task_id, "info": None}}
        info = {"result_urls": files(record).resultUrls}
        return {"code": 200, "msg": "success", "data": {"taskId": record.task_id, "info": info}}


def downloadable(record: Record | None, url: str) -> str:
    """The direct link of one of a task's pictures. Raises Rejected with the wire's own words."""
    if record is None:
        raise _unusable("record is null")
    if not succeeded(record):
        raise _unusable("record status is not success")
    made = files(record).resultUrls
    if not made:
        raise _unusable("record result data is blank")
    if url not in made:
        raise _unusable("record result data not exist", "url")
    return url


def _unusable(text: str, field: str = "taskId") -> Rejected:
    return Rejected(422, text, "unknown_result", field=field)


def _progress(record: Record) -> str:
    """From ``0.00`` to ``1.00``."""
    if succeeded(record):
        return "1.00"
    return f"{(record.progress or 0) / 100:.2f}" if not failed(record) else "0.00"
