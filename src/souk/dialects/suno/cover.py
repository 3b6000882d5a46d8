"""The cover API: pictures for the songs of a music task."""

from typing import Final

import msgspec

from souk.dialects.dedicated import Create, Fault, failed, files, iso, succeeded
from souk.dialects.envelope import Answer, Reworded
from souk.dialects.suno.music import Music, Tracks
from souk.dialects.suno.tool import Tool
from souk.operations.records import Record
from souk.operations.types import Draft, Reason, Refusal
from souk.words import JsonObject, TaskId

GENERATE: Final = Create("/api/v1/suno/cover/generate", ("suno-cover",), needs_callback=True)

PENDING, DONE, GENERATING, FAILED = 0, 1, 2, 3
"""``successFlag``. 2 is no failure here, unlike everywhere else."""
FAILED_TOLD: Final = Fault(501, "Cover generation failed")


class Cover(Tool):
    """``/api/v1/suno/cover/…``."""

    name = "suno-cover"
    record_path = "/api/v1/suno/cover/record-info"
    creates = (GENERATE,)
    own = Fault(500, "Internal Error, Please try again later.")
    taken = Answer(400, "Cover record already exists")

    def parent(self, draft: Draft) -> tuple[str, str] | None:
        task_id = draft.input.get("taskId")
        return (Music.name, task_id) if isinstance(task_id, str) and not draft.input.get("prompt") else None

    def completed(self, draft: Draft, parent: Record) -> Draft:
        """What the pictures shall show, as the songs' titles and styles say."""
        tracks = msgspec.json.decode(parent.result, type=Tracks).tracks if parent.result else []
        about = ", ".join(
            dict.fromkeys(word for track in tracks for word in (track.title, track.tags) if word)
        )
        return draft.with_filled(prompt=about) if about else draft

    def subject(self, draft: Draft) -> str:
        return str(draft.input.get("taskId"))

    def repeated(self, task_id: TaskId) -> Refusal:
        refusal = Refusal(Reason.CONFLICT, "this music task has its cover already", field="taskId")
        return Reworded(refusal, self.taken, {"taskId": task_id})

    def data(self, record: Record, number: int = 0) -> JsonObject:  # noqa: ARG002 - shows no number
        fault = self.fault(record) if failed(record) else None
        code = fault.code if fault else 200 if succeeded(record) else None
        return {
            "taskId": record.task_id,
            "parentTaskId": record.input.get("taskId"),
            "callbackUrl": record.callback_url,
            "completeTime": _moment(record.completed_at),
            "response": {"images": files(record).resultUrls} if succeeded(record) else None,
            "successFlag": _flag(record),
            "createTime": _moment(record.created_at),
            "errorCode": code,
            "errorMessage": fault.text if fault else "",
        }

    def told(self, record: Record) -> JsonObject:
        fault = self.told_fault(record) if failed(record) else Fault(200, "success")
        images = None if failed(record) else files(record).resultUrls
        data = {"taskId": record.task_id, "images": images}
        return {"code": fault.code, "msg": fault.text, "data": data}

    def own_told(self, record: Record) -> Fault:  # noqa: ARG002 - one text for all
        return FAILED_TOLD


def _flag(record: Record) -> int:
    if failed(record):
        return FAILED
    if succeeded(record):
        return DONE
    return PENDING if record.state == "waiting" else GENERATING


def _moment(at: int | None) -> str | None:
    """A moment as ``2026-02-26T10:05:27.000Z``."""
    written = iso(at)
    return f"{written[:-1]}.{(at or 0) % 1000:03}Z" if written else None
