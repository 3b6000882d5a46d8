"""Seedance: ``POST /contents/generations/tasks`` takes a clip, ``GET`` and ``DELETE`` at its id ask for and drop it."""

import logging
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.answers import as_object, is_address, shaped
from souk.providers.ark.errors import failed, not_taken
from souk.providers.ark.wire import HINTS, INLINE_BYTES, address, key, model_id, renamed
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Hint,
    Job,
    MediaFile,
    OutputFile,
    Refused,
    Running,
    Unreachable,
    WebhookRequest,
    file_reference,
)
from souk.providers.inputs import addresses_or_data_uris, refuse_beyond
from souk.words import FailKind, JsonObject

TASKS: Final = "/contents/generations/tasks"
SUBMIT_SECONDS: Final = 180.0
"""The service fetches the input files before it answers."""
POLL_SECONDS: Final = 30.0
ANSWER_BYTES: Final = 1024 * 1024
REF_CHARACTERS: Final = 200

NAMES: Final = {
    "aspect_ratio": "ratio",
    "resolution": "resolution",
    "duration": "duration",
    "camera_fixed": "camera_fixed",
    "fixed_lens": "camera_fixed",
    "generate_audio": "generate_audio",
    "return_last_frame": "return_last_frame",
    "output_format": "output_format",
    "seed": "seed",
}
"""Our input fields, as the service calls them."""
FRAMES: Final = (
    ("image_url", "first_frame"),
    ("first_frame_url", "first_frame"),
    ("end_image_url", "last_frame"),
    ("last_frame_url", "last_frame"),
)
PAIR: Final = "input_urls"
"""One picture to begin with, or two to begin and to end with."""
REFERENCES: Final = {
    "reference_image_urls": ("image_url", "reference_image"),
    "reference_video_urls": ("video_url", "reference_video"),
    "reference_audio_urls": ("audio_url", "reference_audio"),
}
"""Inputs to draw from: which kind of content each is, and in which role."""
KNOWN: Final = frozenset({"prompt", "web_search", PAIR, *NAMES, *REFERENCES, *dict(FRAMES)}) | HINTS
BY_ADDRESS: Final = "reference_video_urls"
"""Clips are too large to be written into a request."""
USUAL_FORMAT: Final = "mp4"

FLAGS: Final = re.compile(
    r"--(?:resolution|rs|ratio|rt|duration|dur|frames|framespersecond|fps|seed|camera_?fixed|cf|watermark|wm)\b"
    r"(?:[\s=:]+(?!--)\S+)?",
    re.IGNORECASE,
)
"""Settings the service reads from the words of a prompt, over those of the request: they would change the price."""

log = logging.getLogger("souk.providers.ark")


async def asked(job: Job, http: Http) -> Response:
    """Send the one request. Raises Refused for what the API cannot be asked."""
    return await http.submit(
        "POST",
        address(job, TASKS),
        headers=key(job),
        json=await _body(job),
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def taken(response: Response, job: Job) -> Accepted:
    """The accepted task's id. Raises Refused, or Unreadable where the answer proves nothing."""
    if response.status >= 300:
        raise not_taken(response, job.connection)
    ref = as_object(response.json()).get("id")
    if isinstance(ref, str) and 0 < len(ref) <= REF_CHARACTERS:
        return Accepted(ref)
    raise Unreadable(f"HTTP {response.status} without the id of a task")


async def polled(job: Job, ref: str, http: Http) -> Running | Done | Failed:
    """How a clip stands. Raises Unreachable unless there is a state to go by."""
    try:
        response = await _call("GET", job, ref, http)
        record = as_object(response.json())
    except (NetError, Unreadable) as error:
        raise Unreachable(str(error)) from error
    if response.status != 200:
        raise Unreachable(f"no state: HTTP {response.status}", response.retry_after())
    if record.get("id", ref) != ref:
        raise Unreachable("the record is another task's")
    return _verdict(record, job)


def reported(request: WebhookRequest) -> Hint | None:
    """A callback brings the record as it is now. Nothing signs it, so it is a hint."""
    try:
        named = as_object(msgspec.json.decode(request.body)).get("id")
    except (ValueError, RecursionError):
        return None
    fits = isinstance(named, str) and 0 < len(named) <= REF_CHARACTERS and request.ref in ("", named)
    return Hint(str(named)) if fits else None


async def cancelled(job: Job, ref: str, http: Http) -> bool:
    """Drop a task that waits: True if the service says afterwards that it is cancelled.

    Asked first, because the same call removes the record of a finished task, and with it a paid result.
    """
    if await _status(job, ref, http) != "queued":
        return False
    answer = await _call("DELETE", job, ref, http)
    return answer.status < 300 and await _status(job, ref, http) == "cancelled"


async def _status(job: Job, ref: str, http: Http) -> Any:
    response = await _call("GET", job, ref, http)
    return as_object(response.json()).get("status") if response.status == 200 else None


async def _call(method: str, job: Job, ref: str, http: Http) -> Response:
    return await http.request(
        method,
        address(job, f"{TASKS}/{quote(ref, safe='')}"),
        headers=key(job),
        timeout=POLL_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def _verdict(record: JsonObject, job: Job) -> Running | Done | Failed:
    match record.get("status"):
        case "succeeded":
            return _done(as_object(record.get("content")), job)
        case "failed":
            return failed(record.get("error"), job.connection)
        case "expired" | "cancelled" as state:
            return Failed(FailKind.TRANSIENT, f"The upstream gave the task up: {state}", str(state))
        case "queued":
            return Running(queued=True)
        case "running":
            return Running()
        case str() as state:
            names = {"task_id": job.task_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the record has no state")


def _done(content: JsonObject, job: Job) -> Done | Running:
    clip, last = content.get("video_url"), content.get("last_frame_url")
    if not is_address(clip):
        log.warning("the upstream reports success without a clip", extra={"task_id": job.task_id})
        return Running()
    files = [OutputFile(url=str(clip))]
    if not job.input.get("return_last_frame"):
        return Done(files, shaped(job, 1))
    # The service has no picture of the first frame.
    result: JsonObject = {"resultUrls": [file_reference(0)], "firstFrameUrl": [], "lastFrameUrl": []}
    if is_address(last):
        files.append(OutputFile(url=str(last)))
        result["lastFrameUrl"] = [file_reference(1)]
    return Done(files, result)


async def _body(job: Job) -> JsonObject:
    refuse_beyond(job.input, KNOWN)
    body: JsonObject = {
        "model": model_id(job.upstream_model, job.connection),
        "content": await _content(job),
        "watermark": False,
    }
    if job.webhook_url:
        body["callback_url"] = job.webhook_url
    settings = renamed(job.input, NAMES)
    settings["duration"] = int(settings["duration"])
    if "seed" in settings and (seed := int(settings.pop("seed"))) >= 0:
        settings["seed"] = seed
    if settings.get("output_format") == USUAL_FORMAT:
        del settings["output_format"]
    if job.input.get("web_search"):
        settings["tools"] = [{"type": "web_search"}]
    return body | settings


async def _content(job: Job) -> list[JsonObject]:
    frames = await _frames(job)
    found = {name: await job.media.files(name) for name in REFERENCES}
    drawn_from = [(name, file) for name, files in found.items() for file in files]
    if frames and drawn_from:
        either = "the upstream takes frames or files to draw from, not both"
        raise Refused(FailKind.UNSUPPORTED, f"{drawn_from[0][0]}: {either}")
    if any(name == BY_ADDRESS and not file.reachable for name, file in drawn_from):
        public = "the upstream fetches clips itself and cannot reach this one; a public address for Souk would help"
        raise Refused(FailKind.UNSUPPORTED, f"{BY_ADDRESS}: {public}")
    given = frames or [(*REFERENCES[name], file) for name, file in drawn_from]
    words = FLAGS.sub("", str(job.input.get("prompt") or "")).strip()
    content: list[JsonObject] = [{"type": "text", "text": words}] if words else []
    addresses = await addresses_or_data_uris([file for *_, file in given], INLINE_BYTES)
    for (kind, role, _), url in zip(given, addresses, strict=True):
        content.append({"type": kind, kind: {"url": url}, "role": role})
    return content


async def _frames(job: Job) -> Sequence[tuple[str, str, MediaFile]]:
    """The pictures a clip begins and ends with: kind of content, role and file of each."""
    pair = await job.media.files(PAIR)
    frames = list(zip(("first_frame", "last_frame"), pair, strict=False))
    for name, role in FRAMES:
        frames += [(role, file) for file in await job.media.files(name)]
    return [("image_url", role, file) for role, file in frames]
