"""The videos API: ``POST /videos`` as a form, ``GET /videos/{id}``, and the clip itself at ``/videos/{id}/content``.

OpenAI switched it off with Sora in September 2026; servers of other makers speak it. Source: the official SDK's types.
"""

import logging
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from souk.net.http import Form, Http, NetError, Response, Unreadable
from souk.providers.answers import as_object, shaped
from souk.providers.base import Accepted, Done, Failed, Job, OutputFile, Refused, Running, Unreachable
from souk.providers.openai.errors import failed, not_taken, retry_after
from souk.providers.openai.wire import address, form_fields, given, key, picture_part
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 30.0
ANSWER_BYTES: Final = 1024 * 1024
REF_CHARACTERS: Final = 1000
"""Ids are short at OpenAI; some servers pack a route into theirs."""
REDIRECTS: Final = 3
REFERENCE: Final = "input_reference"
"""The API's field of the first picture, and the name that a prepared one is kept under."""
LENGTHS: Final = "video_lengths"
"""The connection's option: the lengths its server makes, in seconds."""

HINTS: Final = frozenset({"n_frames", "aspect_ratio", "size", "remove_watermark", "upload_method"})
"""Fields of the Sora models that the clip's length and pixels say, or that ask for nothing of the clip."""
IMPOSSIBLE: Final = frozenset({"character_id_list", "shots"})
SORA: Final = "sora-"

log = logging.getLogger("souk.providers.openai")


async def asked(job: Job, http: Http) -> Response:
    """Send the one request. Raises Refused for what the API cannot be asked."""
    body = await _body(job)
    reference = job.prepared.get(REFERENCE)
    parts = [picture_part(REFERENCE, Path(reference), "image/png", "reference")] if reference else []
    return await http.submit(
        "POST",
        address(job, "/videos"),
        headers=key(job),
        data=Form(form_fields(body), parts),
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def taken(response: Response, job: Job) -> Accepted:
    """The accepted clip's id. Raises Refused, or Unreadable where the answer proves nothing."""
    if response.status >= 300:
        raise not_taken(response, job.connection)
    ref = as_object(response.json()).get("id")
    if isinstance(ref, str) and 0 < len(ref) <= REF_CHARACTERS:
        return Accepted(ref)
    raise Unreadable(f"HTTP {response.status} without the id of a clip")


async def polled(job: Job, ref: str, http: Http) -> Running | Done | Failed:
    """How a clip stands. A finished one lies below its record, where it opens with the key only."""
    path = f"/videos/{quote(ref, safe='')}"
    record = await _asked(job, path, http)
    if record.get("id", ref) != ref:
        raise Unreachable("the record is another clip's")
    match record.get("status"):
        case "completed":
            clip = OutputFile("video/mp4", url=address(job, f"{path}/content"), keyed=True)
            return Done([clip], shaped(job, 1))
        case "failed":
            return failed(record.get("error"), job.connection)
        case "queued":
            return Running(queued=True)
        case "in_progress":
            return Running(progress=_percent(record.get("progress")))
        case str() as state:
            names = {"task_id": job.task_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the record has no status")


async def _asked(job: Job, path: str, http: Http) -> JsonObject:
    """A clip's record. Raises Unreachable for anything else."""
    try:
        response = await http.request(
            "GET",
            address(job, path),
            headers=key(job),
            timeout=POLL_SECONDS,
            max_bytes=ANSWER_BYTES,
            follow=REDIRECTS,
            trusted=True,
        )
        if response.status != 200:
            raise Unreachable(f"HTTP {response.status}", retry_after(response))
        return as_object(response.json())
    except (NetError, Unreadable) as error:
        raise Unreachable(str(error)) from error


async def _body(job: Job) -> JsonObject:
    if not job.input.get("prompt"):
        raise Refused(FailKind.UNSUPPORTED, "prompt: the upstream makes no clip without one")
    told = await given(job)
    if job.model.startswith(SORA):
        if lacking := sorted(name for name in IMPOSSIBLE if told.get(name)):
            raise Refused(FailKind.UNSUPPORTED, f"{lacking[0]}: the upstream's API has nothing like it")
        told = {name: value for name, value in told.items() if name not in HINTS | IMPOSSIBLE}
    body: JsonObject = {"model": job.upstream_model, "prompt": job.input["prompt"]}
    if seconds := job.output.get("seconds"):
        body["seconds"] = _length(float(seconds), job)
    if job.output.get("width") and job.output.get("height"):
        body["size"] = f"{job.output['width']}x{job.output['height']}"
    return body | told


def _length(seconds: float, job: Job) -> str:
    """The length to ask for: as it is, or the next that the server makes. Raises Refused if all are shorter."""
    words = job.connection.options.get(LENGTHS, "").split(",")
    made = sorted(int(word) for word in words if word.strip().isdecimal())
    if not made:
        return f"{seconds:g}"
    longer = next((length for length in made if length >= seconds), None)
    if longer is None:
        raise Refused(FailKind.UNSUPPORTED, f"{seconds:g} seconds: the upstream makes at most {made[-1]}")
    return str(longer)


def _percent(value: Any) -> int | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return int(value) if known else None
