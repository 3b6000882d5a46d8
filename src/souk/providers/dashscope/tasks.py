"""DashScope's tasks: ``GET /tasks/{id}`` tells how one stands, ``POST /tasks/{id}/cancel`` drops one that waits."""

import logging
from typing import Final
from urllib.parse import quote

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.answers import as_object, is_address, shaped
from souk.providers.base import Accepted, Done, Failed, Job, OutputFile, Running, Unreachable
from souk.providers.dashscope.errors import failed, not_taken
from souk.providers.dashscope.wire import ANSWER_BYTES, address, as_list, key
from souk.words import FailKind, JsonObject

POLL_SECONDS: Final = 30.0
REF_CHARACTERS: Final = 200

log = logging.getLogger("souk.providers.dashscope")


def taken(response: Response, job: Job) -> Accepted:
    """The accepted task's id. Raises Refused, or Unreadable where the answer proves nothing."""
    if response.status >= 300:
        raise not_taken(response, job.connection)
    ref = as_object(as_object(response.json()).get("output")).get("task_id")
    if isinstance(ref, str) and 0 < len(ref) <= REF_CHARACTERS:
        return Accepted(ref)
    raise Unreadable(f"HTTP {response.status} without the id of a task")


def made(response: Response, job: Job) -> Done:
    """The pictures of an answer that has them. Raises Refused, or Unreadable where it proves nothing."""
    if response.status >= 300:
        raise not_taken(response, job.connection)
    files = _files(as_object(as_object(response.json()).get("output")))
    if not files:
        raise Unreadable(f"HTTP {response.status} without a picture")
    return Done(files, shaped(job, len(files)))


async def polled(job: Job, ref: str, http: Http) -> Running | Done | Failed:
    """How a task stands. Raises Unreachable unless there is a state to go by."""
    try:
        response = await _call("GET", job, ref, http)
        record = as_object(as_object(response.json()).get("output"))
    except (NetError, Unreadable) as error:
        raise Unreachable(str(error)) from error
    if response.status != 200:
        raise Unreachable(f"no state: HTTP {response.status}", response.retry_after())
    if record.get("task_id", ref) != ref:
        raise Unreachable("the record is another task's")
    return _verdict(record, job)


async def cancelled(job: Job, ref: str, http: Http) -> bool:
    """Drop a task that waits: True if the service says afterwards that it is cancelled."""
    answer = await _call("POST", job, ref, http, "/cancel")
    if answer.status >= 300:
        return False
    record = as_object((await _call("GET", job, ref, http)).json())
    return as_object(record.get("output")).get("task_status") == "CANCELED"


async def _call(method: str, job: Job, ref: str, http: Http, what: str = "") -> Response:
    return await http.request(
        method,
        address(job, f"/tasks/{quote(ref, safe='')}{what}"),
        headers=key(job),
        timeout=POLL_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def _verdict(record: JsonObject, job: Job) -> Running | Done | Failed:
    match record.get("task_status"):
        case "SUCCEEDED":
            return _done(record, job)
        case "FAILED":
            return failed(record, job.connection)
        case "CANCELED" as state:
            return Failed(FailKind.TRANSIENT, "The upstream gave the task up", str(state))
        case "PENDING" | "SUSPENDED":
            return Running(queued=True)
        case "RUNNING":
            return Running()
        case str() as state:
            # UNKNOWN among them: the service may not know a new task yet, and has forgotten it after a day.
            names = {"task_id": job.task_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the record has no state")


def _done(record: JsonObject, job: Job) -> Done | Failed | Running:
    files = _files(record)
    if files:
        return Done(files, shaped(job, len(files)))
    blocked = next((item for item in _results(record) if item.get("code")), None)
    if blocked is not None:
        return failed(blocked, job.connection)
    log.warning("the upstream reports success without a file", extra={"task_id": job.task_id})
    return Running()


def _files(output: JsonObject) -> list[OutputFile]:
    """What was made, wherever the API puts it: a clip, a list of results, or the pictures of the messages."""
    messages = [as_object(as_object(choice).get("message")) for choice in as_list(output.get("choices"))]
    parts = [as_object(part) for message in messages for part in as_list(message.get("content"))]
    found = [
        output.get("video_url"),
        *(item.get("url") for item in _results(output)),
        *(part.get("image") for part in parts),
    ]
    return [OutputFile(url=str(place)) for place in found if is_address(place)]


def _results(output: JsonObject) -> list[JsonObject]:
    return [as_object(item) for item in as_list(output.get("results"))]
