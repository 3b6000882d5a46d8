"""The Jobs API of KIE.AI, which every Market model shares."""

import logging
from typing import Any, cast

import msgspec

from souk.providers.answers import taken_files, taken_pieces
from souk.providers.base import Done, Failed, Job, Running, Unreachable
from souk.providers.kie.envelope import cost, failed, whole
from souk.providers.kie.wire import Call, Recorded, given
from souk.words import JsonObject

log = logging.getLogger("souk.providers.kie")


class Jobs(Recorded):
    """``createTask`` and ``recordInfo``."""

    def __init__(self) -> None:
        super().__init__("/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo")

    def create(self, job: Job) -> Call:
        body: JsonObject = {"model": job.upstream_model, "input": given(job)}
        if job.webhook_url:
            body["callBackUrl"] = job.webhook_url
        return Call("POST", self._path, body)

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        match record.get("state"):
            case "success":
                return _done(record, job)
            case "fail":
                return failed(record.get("failCode"), record.get("failMsg"), job.connection)
            case "waiting" | "queuing":
                return Running(queued=True)
            case "generating":
                progress = whole(record.get("progress"), -1)
                return Running(progress=progress if 0 <= progress <= 100 else None)
            case str() as state:
                names = {"task_id": job.task_id, "attempt_id": job.attempt_id, "state": state[:40]}
                log.warning("the upstream reports an unknown state, taken as still running", extra=names)
                return Running()
            case _:
                raise Unreachable("the record has no state")


def _done(record: JsonObject, job: Job) -> Done | Running:
    """Success is believed when there is something to show for it; until then the task still runs."""
    result = _result(record.get("resultJson"))
    files, shaped = taken_files(result)
    kinds = job.output.get("pieces", ())
    made = taken_pieces(shaped, job.output.get("result", {}), kinds)
    if made is not None and (files or kinds or (result and job.output.get("kind") in ("text", "json"))):
        pieces, shaped = made
        return Done(files, shaped, cost(record.get("creditsConsumed")), pieces=pieces)
    log.warning("the upstream reports success without a result", extra={"task_id": job.task_id})
    return Running()


def _result(value: Any) -> JsonObject:
    """``resultJson`` is a JSON text; anything but an object in it counts as nothing."""
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return {}
    return cast(JsonObject, value) if isinstance(value, dict) else {}
