"""Asking how an interaction stands, and where the clip it made lies among the files of the account."""

import base64
import binascii
import logging
import re
from typing import Final
from urllib.parse import quote

from souk.net.http import Http, NetError, Unreadable
from souk.providers.answers import moderated, objects, quoted, shaped
from souk.providers.base import Done, Failed, Job, OutputFile, Running, Unreachable
from souk.providers.google.errors import failed
from souk.providers.google.omni import ANSWER_BYTES
from souk.providers.google.wire import address, an_object, key
from souk.words import FailKind, JsonObject

POLL_SECONDS: Final = 30.0
WAITING: Final = frozenset({"queued", "in_progress"})
ENDED: Final = frozenset(
    {"failed", "cancelled", "incomplete", "budget_exceeded", "requires_action", "requires_continuation"}
)
"""States after which nothing comes any more of itself."""
_FILE: Final = re.compile(r"/files/([A-Za-z0-9_-]{1,100})(?=[:/?]|$)")

log = logging.getLogger("souk.providers.google")


async def poll_clip(job: Job, ref: str, http: Http) -> Running | Done | Failed:
    """Ask once. Raises Unreachable unless there is a state to go by, and the file if it is done."""
    record = await _asked(job, f"interactions/{quote(ref, safe='')}", http)
    if record.get("id", ref) != ref:
        raise Unreachable("the record is another interaction's")
    status = record.get("status")
    if status == "completed":
        return await _made(job, record, http)
    if status in ENDED:
        return _failure(record, job)
    if not isinstance(status, str):
        raise Unreachable("the interaction has no status")
    if status not in WAITING:
        names = {"task_id": job.task_id, "state": status[:40]}
        log.warning("the upstream reports an unknown state, taken as still running", extra=names)
    return Running(queued=status == "queued")


async def _made(job: Job, record: JsonObject, http: Http) -> Running | Done | Failed:
    parts = _output(record)
    clip = next((part for part in parts if part.get("type") == "video"), JsonObject())
    if isinstance(clip.get("data"), str):
        return _done(job, OutputFile("video/mp4", data=_decoded(str(clip["data"]))))
    file = _FILE.search(str(clip.get("uri") or ""))
    if file is None:
        return _without_clip(parts, record, job)
    about = await _asked(job, f"files/{file[1]}", http)
    match about.get("state"):
        case "ACTIVE":
            # At the configured server, wherever the record says: the key goes nowhere else.
            url = address(job.connection, f"files/{file[1]}:download?alt=media")
            return _done(job, OutputFile("video/mp4", url=url, keyed=True))
        case "FAILED":
            return failed(an_object(about.get("error")), job.connection.api_key)
        case _:
            return Running()


def _output(record: JsonObject) -> list[JsonObject]:
    """The content of the last step that the model put out."""
    steps = [step for step in objects(record.get("steps")) if step.get("type") == "model_output"]
    return objects(steps[-1].get("content")) if steps else []


def _done(job: Job, clip: OutputFile) -> Done:
    return Done([clip], shaped(job, 1))


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Unreachable("the clip in the answer is not base64") from None


async def _asked(job: Job, path: str, http: Http) -> JsonObject:
    try:
        response = await http.request(
            "GET",
            address(job.connection, path),
            headers=key(job.connection),
            timeout=POLL_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        if response.status != 200:
            raise Unreachable(f"no record: HTTP {response.status}", response.retry_after())
        return an_object(response.json())
    except (NetError, Unreadable) as error:
        raise Unreachable(str(error)) from error


def _failure(record: JsonObject, job: Job) -> Failed:
    status = str(record.get("status"))
    if errors := objects(record.get("errors")):
        return failed(errors[-1], job.connection.api_key)
    kind = FailKind.QUOTA if status == "budget_exceeded" else FailKind.TRANSIENT
    return Failed(kind, f"the upstream ended the interaction: {status}", status)


def _without_clip(parts: list[JsonObject], record: JsonObject, job: Job) -> Failed:
    """What an interaction that is complete, but made no clip, said instead."""
    if objects(record.get("errors")):
        return _failure(record, job)
    words = " ".join(str(part.get("text") or "") for part in parts)
    said = quoted(words, job.connection.api_key) or "no clip and no reason"
    kind = FailKind.MODERATION if moderated(said) else FailKind.TRANSIENT
    return Failed(kind, f"The upstream made no clip: {said}", said)
