"""The Runway Aleph API: a clip changed as words say."""

from typing import Final

from souk.dialects.dedicated import Create, Dedicated, failed, files, flag, iso, param_json, succeeded
from souk.dialects.runway import TEXTS
from souk.operations.records import Record
from souk.words import JsonObject

GENERATE: Final = Create("/api/v1/aleph/generate", ("runway-aleph",))
NO_ERROR: Final = 0


class Aleph(Dedicated):
    """``/api/v1/aleph/…``."""

    name = "aleph"
    record_path = "/api/v1/aleph/record-info"
    creates = (GENERATE,)
    texts = TEXTS

    def data(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        made = files(record)
        response = {
            "taskId": record.task_id,
            "resultVideoUrl": made.first,
            "resultImageUrl": made.coverUrl,
        }
        return {
            "taskId": record.task_id,
            "paramJson": param_json(record),
            "response": response if succeeded(record) else None,
            "completeTime": iso(record.completed_at),
            "createTime": iso(record.created_at),
            # The documents know 0 and 1 only; a client that waits for either would wait for ever.
            "successFlag": flag(record),
            "errorCode": fault.code if fault else NO_ERROR,
            "errorMessage": fault.text if fault else "",
        }

    def told(self, record: Record) -> JsonObject:
        if failed(record):
            fault = self.fault(record)
            return {"code": fault.code, "msg": fault.text, "data": None, "taskId": record.task_id}
        made = files(record)
        data = {"result_video_url": made.first, "result_image_url": made.coverUrl}
        return {"code": 200, "msg": "success", "data": data, "taskId": record.task_id}
