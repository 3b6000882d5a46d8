"""The Runway API: a short clip from words or a picture, and its continuation."""

from typing import Final

from souk.dialects.dedicated import (
    Create,
    Dedicated,
    Fault,
    failed,
    files,
    media_id,
    spaced,
    succeeded,
)
from souk.dialects.shelf import Shelf
from souk.operations.records import Record
from souk.words import FailKind, JsonObject

GENERATE: Final = Create("/api/v1/runway/generate", ("runway",))
EXTEND: Final = Create("/api/v1/runway/extend", ("runway-extend",))

STATES: Final = {"waiting": "wait", "queuing": "queueing"}
"""States this API spells its own way."""

TEXTS: Final[dict[FailKind | int, str]] = {
    FailKind.MODERATION: "Your prompt was caught by our AI moderator. Please adjust it and try again!",
}
"""The words of the service; Aleph has the same."""


class Runway(Dedicated):
    """``/api/v1/runway/…``. ``shelf`` tells when a result has lapsed."""

    name = "runway"
    record_path = "/api/v1/runway/record-detail"
    creates = (GENERATE, EXTEND)
    texts = TEXTS

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def data(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        made = files(record)
        video = {
            "videoId": media_id(record),
            "taskId": record.task_id,
            "videoUrl": made.first,
            "imageUrl": made.coverUrl,
        }
        return {
            "taskId": record.task_id,
            "parentTaskId": record.input.get("taskId", ""),
            "generateParam": {
                "prompt": record.input.get("prompt", ""),
                "imageUrl": record.input.get("imageUrl", ""),
                "expandPrompt": True,
            },
            "state": STATES.get(record.state, record.state),
            "generateTime": spaced(record.completed_at) if succeeded(record) else "",
            "videoInfo": video if succeeded(record) else None,
            "failCode": fault.code if fault else None,
            "failMsg": fault.text if fault else "",
            "expireFlag": int(self._shelf.lapsed(record)),
        }

    def told(self, record: Record) -> JsonObject:
        if succeeded(record):
            made = files(record)
            return _told(
                Fault(200, "All generated successfully."),
                record,
                {"video_id": media_id(record), "video_url": made.first, "image_url": made.coverUrl},
            )
        # The failure of an extension names nothing but the task.
        nothing = {} if record.model in EXTEND.models else {"video_id": "", "video_url": "", "image_url": ""}
        return _told(self.fault(record), record, nothing)


def _told(fault: Fault, record: Record, info: JsonObject) -> JsonObject:
    return {"code": fault.code, "msg": fault.text, "data": {"task_id": record.task_id, **info}}
