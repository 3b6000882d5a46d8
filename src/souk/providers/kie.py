"""KIE.AI as an upstream: its Jobs API, which every Market model shares, and its file uploads.

An answer always carries its verdict in the body's ``code``; the HTTP status is 200 even for refusals.
The service knows no idempotency key and has no look-up by one, so an unclear submit stays unclear.
"""

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import quote

import msgspec

from souk.net.http import FilePart, Form, Http, NetError, Response, Unreadable
from souk.providers.answers import is_address, moderated, quoted, taken_files, taken_pieces
from souk.providers.base import (
    Accepted,
    Connection,
    Done,
    Failed,
    Job,
    MediaFile,
    Refused,
    Running,
    Unknown,
    Unreachable,
)
from souk.providers.inputs import with_addresses, with_reference
from souk.words import HOPS_HEADER, Credits, FailKind, JsonObject, credits_from_number

BASE_URL = "https://api.kie.ai"
UPLOAD_URL = "https://kieai.redpandaai.co"
"""Uploads have a host of their own there; a self-hosted service with the same API serves both on one."""

SUBMIT_SECONDS = 60.0
POLL_SECONDS = 30.0
UPLOAD_SECONDS = 300.0
ANSWER_BYTES = 4 * 1024 * 1024
REF_CHARACTERS = 200
"""Task ids are 32 hex digits there; anything much longer is no id."""

# What a refusal's code means, from the service's table of codes.
REFUSALS = {
    400: FailKind.BAD_INPUT,
    401: FailKind.AUTH,
    402: FailKind.QUOTA,
    403: FailKind.AUTH,
    404: FailKind.UNSUPPORTED,
    413: FailKind.BAD_INPUT,
    422: FailKind.BAD_INPUT,
    429: FailKind.RATE_LIMIT,
    430: FailKind.RATE_LIMIT,
    433: FailKind.QUOTA,
    451: FailKind.INPUT_UNREACHABLE,
    455: FailKind.TRANSIENT,
    505: FailKind.UNSUPPORTED,
    550: FailKind.TRANSIENT,
}
# The service answers some refusals with code 500, and model errors with 422; these words settle it.
WORDS = (
    (re.compile(r"model name you specified is not supported", re.IGNORECASE), FailKind.UNSUPPORTED),
    (re.compile(r"credits insufficient", re.IGNORECASE), FailKind.QUOTA),
    (re.compile(r"interface is temporarily paused", re.IGNORECASE), FailKind.UNSUPPORTED),
    (re.compile(r"^[\w. -]{1,60} is required\b", re.IGNORECASE), FailKind.BAD_INPUT),
)
FAILURES = {
    400: FailKind.BAD_INPUT,
    408: FailKind.TRANSIENT,
    422: FailKind.BAD_INPUT,
    451: FailKind.INPUT_UNREACHABLE,
}
EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
}

log = logging.getLogger("souk.providers.kie")


@dataclass(frozen=True, slots=True)
class _Answer:
    """The envelope of every answer. Without a code of its own, the HTTP status is the code."""

    code: int
    message: str
    data: JsonObject
    retry_after: float | None


class Kie:
    """A :class:`souk.providers.base.Provider` for the Jobs API."""

    idempotent: bool = False

    async def prepare(self, job: Job, http: Http) -> Job:
        """Upload the input files that the service could not fetch, and name their new addresses."""
        changed = job.input
        uploaded: dict[str, str] = {}
        addresses: dict[str, dict[int, str]] = {}
        parents = {parent.field for parent in job.parents}
        for file in await job.media.all():
            if file.field in parents:
                continue  # the service has the parent's files already
            if file.reachable:
                address = file.url
            else:
                address = uploaded.get(file.url) or await _upload(job, file, http)
                uploaded[file.url] = address
            addresses.setdefault(file.field, {})[file.index] = address
        for field, found in addresses.items():
            changed = with_addresses(changed, field, found)
        for parent in job.parents:
            changed = with_reference(changed, parent)
        return replace(job, prepared={**job.prepared, "input": changed})

    async def submit(self, job: Job, http: Http) -> Accepted:
        """Create the task. Raises Refused on proof, Unreadable where the answer proves nothing."""
        body: JsonObject = {"model": job.upstream_model, "input": job.prepared.get("input", job.input)}
        if job.webhook_url:
            body["callBackUrl"] = job.webhook_url
        response = await http.submit(
            "POST",
            f"{_base(job)}/api/v1/jobs/createTask",
            headers={**_key(job), HOPS_HEADER: str(job.hops + 1)},
            json=body,
            timeout=SUBMIT_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        return Accepted(_task_id(_answer(response), response.status, job.connection))

    async def recover(self, job: Job, http: Http) -> Unknown:  # noqa: ARG002 - there is no look-up to ask
        """The service cannot be asked about a task whose id was lost."""
        return Unknown()

    async def poll(self, job: Job, ref: str, http: Http) -> Running | Done | Failed:
        """Ask for the record. Raises Unreachable unless it is this task's, whole and readable."""
        try:
            response = await http.request(
                "GET",
                f"{_base(job)}/api/v1/jobs/recordInfo?taskId={quote(ref, safe='')}",
                headers=_key(job),
                timeout=POLL_SECONDS,
                max_bytes=ANSWER_BYTES,
                trusted=True,
            )
            answer = _answer(response)
        except (NetError, Unreadable) as error:
            raise Unreachable(str(error)) from error
        if response.status != 200 or answer.code != 200 or answer.data.get("taskId", ref) != ref:
            said = quoted(answer.message, job.connection.api_key)
            raise Unreachable(f"no record: code {answer.code}, {said!r}", answer.retry_after)
        return _verdict(answer.data, job)

    async def cancel(self, job: Job, ref: str, http: Http) -> bool:  # noqa: ARG002 - there is nothing to ask
        """The service has no way to cancel."""
        return False


def _base(job: Job) -> str:
    return job.connection.base_url or BASE_URL


def _key(job: Job) -> dict[str, str]:
    return {"Authorization": f"Bearer {job.connection.api_key}"}


async def _upload(job: Job, file: MediaFile, http: Http) -> str:
    """The address of the uploaded file. The same attempt uploads to the same name. Raises Refused."""
    uploads = job.connection.options.get("upload_url") or (
        UPLOAD_URL if _base(job) == BASE_URL else _base(job)
    )
    stem = re.sub(r"[^a-zA-Z0-9]+", "-", file.field).strip("-")
    name = f"{stem}-{file.index}{EXTENSIONS.get(file.media_type, file.path.suffix)}"
    fields = {"uploadPath": f"souk/{job.attempt_id}", "fileName": name}
    try:
        response = await http.request(
            "POST",
            f"{uploads}/api/file-stream-upload",
            headers=_key(job),
            data=Form(fields, [FilePart("file", file.path, name, file.media_type)]),
            timeout=UPLOAD_SECONDS,
            max_bytes=ANSWER_BYTES,
            fresh=True,
            trusted=True,
        )
        answer = _answer(response)
    except (NetError, Unreadable) as error:
        message = f"{file.field} could not be uploaded to the upstream: {error}"
        raise Refused(FailKind.TRANSIENT, message) from error
    address = answer.data.get("downloadUrl")
    if answer.code == 200 and is_address(address):
        return str(address)
    said = quoted(answer.message, job.connection.api_key)
    raise Refused(
        REFUSALS.get(answer.code, FailKind.TRANSIENT),
        f"{file.field} could not be uploaded to the upstream: {said}",
        f"{answer.code} {said}",
        answer.retry_after,
    )


def _answer(response: Response) -> _Answer:
    """Read the envelope. Raises Unreadable when the body is not one."""
    body = response.json()
    if not isinstance(body, dict):
        raise Unreadable(f"the answer (HTTP {response.status}) is not an object")
    body = cast(JsonObject, body)
    code = _whole(body.get("code"), -1 if response.status < 400 else response.status)
    data = body.get("data")
    return _Answer(
        code=code,
        message=str(body.get("msg") or body.get("message") or ""),
        data=cast(JsonObject, data) if isinstance(data, dict) else {},
        retry_after=response.retry_after(),
    )


def _task_id(answer: _Answer, status: int, connection: Connection) -> str:
    """The accepted task's id. Raises Refused if none can exist, Unreadable if one might."""
    found = answer.data.get("taskId") or answer.data.get("recordId")
    if answer.code == 200 and status < 300 and isinstance(found, str) and 0 < len(found) <= REF_CHARACTERS:
        return found
    said = quoted(answer.message, connection.api_key)
    kind = None if found or status >= 500 else _refusal(answer)
    if kind is None:
        raise Unreadable(f"the answer does not say whether the task was taken: code {answer.code}, {said!r}")
    raise Refused(kind, f"The upstream refused the task: {said}", f"{answer.code} {said}", answer.retry_after)


def _refusal(answer: _Answer) -> FailKind | None:
    """Why a task was not taken; None where the code proves nothing (it timed out, or exists already)."""
    worded = next((kind for words, kind in WORDS if words.search(answer.message)), None)
    if answer.code == 500:
        return worded
    kind = REFUSALS.get(answer.code)
    if kind is None and 400 <= answer.code < 500 and answer.code not in (408, 409):
        kind = FailKind.BAD_INPUT
    if kind is FailKind.BAD_INPUT and moderated(answer.message):
        return FailKind.MODERATION
    return worded or kind if kind in (FailKind.BAD_INPUT, FailKind.UNSUPPORTED) else kind


def _verdict(record: Mapping[str, Any], job: Job) -> Running | Done | Failed:
    """What a record says. Raises Unreachable when it says nothing."""
    match record.get("state"):
        case "success":
            return _done(record, job)
        case "fail":
            return _failed(record, job.connection)
        case "waiting" | "queuing":
            return Running(queued=True)
        case "generating":
            progress = _whole(record.get("progress"), -1)
            return Running(progress=progress if 0 <= progress <= 100 else None)
        case str() as state:
            names = {"task_id": job.task_id, "attempt_id": job.attempt_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the record has no state")


def _done(record: Mapping[str, Any], job: Job) -> Done | Running:
    """Success is believed when there is something to show for it; until then the task still runs."""
    result = _result(record.get("resultJson"))
    files, shaped = taken_files(result)
    kinds = job.output.get("pieces", ())
    made = taken_pieces(shaped, job.output.get("result", {}), kinds)
    if made is not None and (files or kinds or (result and job.output.get("kind") in ("text", "json"))):
        pieces, shaped = made
        return Done(files, shaped, _cost(record.get("creditsConsumed")), pieces=pieces)
    log.warning("the upstream reports success without a result", extra={"task_id": job.task_id})
    return Running()


def _failed(record: Mapping[str, Any], connection: Connection) -> Failed:
    said = quoted(str(record.get("failMsg") or "no reason given"), connection.api_key)
    code = _whole(record.get("failCode"), 0)
    if moderated(said):
        kind = FailKind.MODERATION
    elif 500 <= code < 600:
        kind = FailKind.TRANSIENT
    else:
        kind = FAILURES.get(code, FailKind.INTERNAL)
    return Failed(kind, said, f"{code} {said}" if code else said)


def _result(value: Any) -> JsonObject:
    """``resultJson`` is a JSON text; anything but an object in it counts as nothing."""
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            return {}
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def _cost(value: Any) -> Credits | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return credits_from_number(value) if known and 0 <= value < 1e9 else None


def _whole(value: Any, default: int) -> int:
    """A number that may have been sent as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
