"""The WAV API: a song as uncompressed sound."""

from typing import Final

from souk.dialects.dedicated import Create, Fault, failed, files
from souk.dialects.envelope import Answer
from souk.dialects.suno.tool import SongTool
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

GENERATE: Final = Create("/api/v1/wav/generate", ("suno-wav",), needs_callback=True)


class Wav(SongTool):
    """``/api/v1/wav/…``."""

    name = "suno-wav"
    record_path = "/api/v1/wav/record-info"
    creates = (GENERATE,)
    failed_word = "GENERATE_WAV_FAILED"
    taken = Answer(409, "WAV record already exists")

    def subject(self, draft: Draft) -> str:
        return str(draft.input.get("audioId"))

    def response(self, record: Record) -> JsonObject:
        return {"audioWavUrl": files(record).first}

    def told(self, record: Record) -> JsonObject:
        fault = self.told_fault(record) if failed(record) else Fault(200, "success")
        data = {"audioWavUrl": files(record).first or None, "task_id": record.task_id}
        return {"code": fault.code, "msg": fault.text, "data": data}

    def own_told(self, record: Record) -> Fault:  # noqa: ARG002 - one text for all
        return Fault(500, "Internal Error - Please try again later")
