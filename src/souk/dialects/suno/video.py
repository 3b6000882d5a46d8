"""The MP4 API: a song as a clip to look at."""

from typing import Final

from souk.dialects.dedicated import Create, Fault, failed, files
from souk.dialects.suno.tool import SongTool
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

GENERATE: Final = Create("/api/v1/mp4/generate", ("suno-mp4",), needs_callback=True)


class Video(SongTool):
    """``/api/v1/mp4/…``."""

    name = "suno-mp4"
    record_path = "/api/v1/mp4/record-info"
    creates = (GENERATE,)
    failed_word = "GENERATE_MP4_FAILED"

    def subject(self, draft: Draft) -> str:
        return str(draft.input.get("audioId"))

    def response(self, record: Record) -> JsonObject:
        return {"videoUrl": files(record).first}

    def told(self, record: Record) -> JsonObject:
        fault = self.told_fault(record) if failed(record) else Fault(200, "success")
        data = {"task_id": record.task_id, "video_url": files(record).first or None}
        return {"code": fault.code, "msg": fault.text, "data": data}

    def own_told(self, record: Record) -> Fault:  # noqa: ARG002 - one text for all
        return Fault(500, "Internal Error - Please try again later")
