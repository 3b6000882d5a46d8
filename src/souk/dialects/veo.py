"""The Veo 3.1 API: clips with sound, their continuation, and finer copies of them."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from souk.dialects.dedicated import (
    Create,
    Dedicated,
    Fault,
    Files,
    failed,
    files,
    flag,
    media_id,
    param_json,
    succeeded,
)
from souk.dialects.envelope import failure, success
from souk.operations.records import Record
from souk.operations.types import Draft, Reason, Refusal
from souk.words import FailKind, JsonObject

GENERATE: Final = Create("/api/v1/veo/generate", ("veo3_fast", "veo3", "veo3_lite"))
EXTEND: Final = Create("/api/v1/veo/extend", ("veo-extend",))
FULL_HD: Final = Create("/api/v1/veo/get-1080p-video", ("veo-1080p",))
ULTRA_HD: Final = Create("/api/v1/veo/get-4k-video", ("veo-4k",))

ORIGINAL_RATIO: Final = "16:9"
"""Clips of any other shape were cut from one of this, whose address the record repeats."""
FALLBACK: Final = {"fallbackFlag": False}
"""No other model ever steps in."""

MADE: Final = "Veo3.1 video generated successfully."
MADE_4K: Final = "4K Video generated successfully."
EXTENSION_FAILED: Final = "Failed - Video extension task failed"
NO_4K: Final = "The 4K version of this video is unavailable. Please try a different video."
NOT_YET: Final = {
    FULL_HD: "1080p is processing. It should be ready in 1-3 minutes. Please check back shortly.",
    ULTRA_HD: "4k is processing. It should be ready in 5-10 minutes. Please check back shortly.",
}
THERE_ALREADY: Final = "The video has been generated successfully"


class Veo(Dedicated):
    """``/api/v1/veo/…``."""

    name = "veo"
    record_path = "/api/v1/veo/record-info"
    creates = (GENERATE, EXTEND)
    texts: ClassVar[Mapping[FailKind | int, str]] = {
        FailKind.MODERATION: "Your prompt was flagged by Website as violating content policies.",
        FailKind.INPUT_UNREACHABLE: "Failed to fetch the image. "
        "Kindly verify any access limits set by you or your service provider.",
        FailKind.TIMEOUT: "Internal Error - Timeout",
        500: "Internal Error, Please try again later.",
        501: "Failed - Video generation task failed",
    }

    def upgrade(self, create: Create, asked: JsonObject) -> Draft:
        """The one task that makes a finer copy of a clip: every call for it has the same idempotency key."""
        task_id, index = asked.get("taskId"), _index(asked.get("index"))
        body: JsonObject = {**asked, "taskId": task_id, "index": index}
        return self.parse(create, body, f"{str(task_id)[:100]}:{index}")

    def finer(self, record: Record, request_id: str) -> bytes:
        """The answer to a call for the 1080p copy."""
        if succeeded(record):
            return success({"resultUrl": files(record).first})
        if failed(record):
            fault = self.fault(record)
            return failure(fault.code, fault.text, "failed", request_id)
        return failure(422, NOT_YET[FULL_HD], "not_ready", request_id, retryable=True)

    def finest(self, record: Record, fresh: bool, request_id: str) -> bytes:
        """The answer to a call for the 4K copy, ``fresh`` when that call began it."""
        made = files(record)
        data: JsonObject = {
            "taskId": record.task_id,
            "resultUrls": made.resultUrls or None,
            "imageUrls": [made.coverUrl] if made.coverUrl else None,
        }
        if fresh:
            return success(data)
        if succeeded(record):
            return failure(422, THERE_ALREADY, "already_made", request_id, data=data)
        if failed(record):
            fault = self.fault(record)
            return failure(fault.code, fault.text, "failed", request_id, data=data)
        return failure(422, NOT_YET[ULTRA_HD], "not_ready", request_id, data=data, retryable=True)

    def data(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        own = {"mediaIds": [media_id(record)]} if _is_4k(record) else FALLBACK
        return {
            "taskId": record.task_id,
            "paramJson": _param(record),
            "completeTime": record.completed_at,
            "response": _response(record, files(record)) if succeeded(record) else None,
            "successFlag": flag(record),
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else None,
            "createTime": record.created_at,
            **own,
        }

    def told(self, record: Record) -> JsonObject:
        data: JsonObject = {"taskId": record.task_id}
        own = {} if _is_4k(record) else FALLBACK
        if failed(record):
            fault = self.fault(record)
            return {"code": fault.code, "msg": fault.text, "data": data | own}
        made = files(record)
        if _is_4k(record):
            info = {"resultUrls": made.resultUrls, "imageUrls": [made.coverUrl]}
            return {"code": 200, "msg": MADE_4K, "data": data | {"info": info}}
        info = {
            "resultUrls": made.resultUrls,
            "originUrls": _originals(record, made),
            "resolution": _resolution(record),
        }
        return {
            "code": 200,
            "msg": MADE,
            "data": {**data, "promptJson": _param(record), "info": info, **own},
        }

    def fault(self, record: Record) -> Fault:
        fault = super().fault(record)
        if _is_4k(record):
            return Fault(fault.code, NO_4K)
        if record.model in EXTEND.models and fault.code == 501:
            return Fault(fault.code, EXTENSION_FAILED)
        return fault


def _response(record: Record, made: Files) -> JsonObject:
    return {
        "taskId": record.task_id,
        "resultUrls": made.resultUrls,
        "fullResultUrls": made.fullResultUrls,
        "originUrls": _originals(record, made),
        "resolution": _resolution(record),
        **({"imageUrls": [made.coverUrl]} if _is_4k(record) else {}),
    }


def _is_4k(record: Record) -> bool:
    return record.model in ULTRA_HD.models


def _resolution(record: Record) -> str:
    fixed = {FULL_HD.models[0]: "1080p", ULTRA_HD.models[0]: "4k"}.get(record.model)
    return fixed or str(record.input.get("resolution") or "720p")


def _ratio(record: Record) -> str | None:
    return record.input.get("aspect_ratio") or record.input.get("aspectRatio")


def _originals(record: Record, made: Files) -> list[str] | None:
    shaped = record.model in GENERATE.models and _ratio(record) not in (None, ORIGINAL_RATIO)
    return made.resultUrls if shaped else None


def _param(record: Record) -> str:
    """The create call; this API takes ``aspect_ratio`` and repeats it as ``aspectRatio``."""
    renamed = {name: value for name, value in record.input.items() if name != "aspect_ratio"}
    more: dict[str, Any] = {"model": record.model} if record.model in GENERATE.models else {}
    if ratio := _ratio(record):
        more["aspectRatio"] = ratio
    return param_json(record, renamed, **more)


def _index(value: Any) -> int:
    """Which clip is meant. Raises Refusal."""
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    raise Refusal(Reason.INVALID_INPUT, "index must be a whole number", field="index")
