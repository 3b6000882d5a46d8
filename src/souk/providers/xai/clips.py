"""Grok clips: ``POST /videos/generations`` takes one, ``GET /videos/{request_id}`` says how it stands."""

import logging
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from souk.net.http import Http, NetError, Response, Unreadable
from souk.providers.answers import as_object, is_address, shaped
from souk.providers.base import (
    Accepted,
    Done,
    Failed,
    Job,
    MediaFile,
    OutputFile,
    Refused,
    Running,
    Unreachable,
)
from souk.providers.inputs import addresses_or_data_uris, refuse_beyond
from souk.providers.xai.wire import ANSWER_BYTES, INLINE_BYTES, address, failed, key, not_taken
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 30.0
REF_CHARACTERS: Final = 200
PENDING_STATUS: Final = 202
"""What a clip that is not done is answered with, at times without a body."""

LONGEST_PROMPT: Final = 4096
"""Characters."""
LONGEST: Final = 15
"""Seconds."""
FINEST: Final = "1080p"
MAKES_FINEST: Final = "grok-imagine-video-1-5-preview"
"""The one model of ours whose clips may be so fine."""
USUAL_MODE: Final = "normal"
FREE_SHAPE: Final = "auto"
KNOWN: Final = frozenset(
    {
        "prompt",
        "aspect_ratio",
        "resolution",
        "duration",
        "mode",
        "image_urls",
        "task_id",
        "index",
        "nsfw_checker",
    }
)

log = logging.getLogger("souk.providers.xai")


async def asked(job: Job, http: Http) -> Response:
    """Send the one request. Raises Refused for what the API cannot be asked."""
    return await http.submit(
        "POST",
        address(job, "/videos/generations"),
        headers=key(job),
        json=await _body(job),
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def taken(response: Response, job: Job) -> Accepted:
    """The accepted clip's id. Raises Refused, or Unreadable where the answer proves nothing."""
    if response.status >= 300:
        raise not_taken(response, job.connection)
    ref = as_object(response.json()).get("request_id")
    if isinstance(ref, str) and 0 < len(ref) <= REF_CHARACTERS:
        return Accepted(ref)
    raise Unreadable(f"HTTP {response.status} without the id of a clip")


async def polled(job: Job, ref: str, http: Http) -> Running | Done | Failed:
    """How a clip stands. Raises Unreachable unless there is a state to go by."""
    try:
        response = await http.request(
            "GET",
            address(job, f"/videos/{quote(ref, safe='')}"),
            headers=key(job),
            timeout=POLL_SECONDS,
            max_bytes=ANSWER_BYTES,
            trusted=True,
        )
        if response.status == PENDING_STATUS:
            return Running()
        record = as_object(response.json())
    except (NetError, Unreadable) as error:
        raise Unreachable(str(error)) from error
    if response.status != 200:
        raise Unreachable(f"no state: HTTP {response.status}", response.retry_after())
    return _verdict(record, job)


def _verdict(record: JsonObject, job: Job) -> Running | Done | Failed:
    video = as_object(record.get("video"))
    # Older servers say no status once the clip is there.
    match record.get("status") or ("done" if video.get("url") else None):
        case "done":
            return _done(video, job)
        case "failed":
            return failed(record.get("error"), job.connection)
        case "expired" as state:
            return Failed(FailKind.TRANSIENT, "The upstream gave the task up: expired", state)
        case "pending":
            return Running(progress=_percent(record.get("progress")))
        case str() as state:
            names = {"task_id": job.task_id, "state": state[:40]}
            log.warning("the upstream reports an unknown state, taken as still running", extra=names)
            return Running()
        case _:
            raise Unreachable("the record has no state")


def _done(video: JsonObject, job: Job) -> Done | Failed | Running:
    if video.get("respect_moderation") is False:
        return Failed(
            FailKind.MODERATION, "The upstream's content rules held the clip back", "respect_moderation"
        )
    if is_address(video.get("url")):
        return Done([OutputFile(url=str(video["url"]))], shaped(job, 1))
    log.warning("the upstream reports success without a clip", extra={"task_id": job.task_id})
    return Running()


async def _body(job: Job) -> JsonObject:
    _refuse_impossible(job)
    files = await _pictures(job)
    addresses = [{"url": url} for url in await addresses_or_data_uris(files, INLINE_BYTES)]
    body: JsonObject = {
        "model": job.upstream_model,
        "prompt": job.input["prompt"],
        "duration": int(job.input["duration"]),
        "resolution": job.input["resolution"],
    }
    if len(addresses) == 1:
        # The clip begins with the picture and has its shape.
        return body | {"image": addresses[0]}
    if addresses:
        body["reference_images"] = addresses
    ratio = job.input.get("aspect_ratio")
    return body if ratio in (None, FREE_SHAPE) else body | {"aspect_ratio": ratio}


def _refuse_impossible(job: Job) -> None:
    """Raise Refused for what the API cannot be asked."""
    given = job.input
    refuse_beyond(given, KNOWN)
    prompt = str(given.get("prompt") or "")
    finest = given["resolution"] == FINEST and job.model != MAKES_FINEST
    for name, impossible, why in (
        ("prompt", not prompt, "makes no clip without one"),
        ("prompt", len(prompt) > LONGEST_PROMPT, f"takes at most {LONGEST_PROMPT} characters"),
        ("duration", int(given["duration"]) > LONGEST, f"makes at most {LONGEST} seconds"),
        ("mode", given.get("mode", USUAL_MODE) != USUAL_MODE, "has no modes"),
        ("resolution", finest, f"makes no clip of {FINEST} with this model"),
    ):
        if impossible:
            raise Refused(FailKind.UNSUPPORTED, f"{name}: the upstream {why}")


async def _pictures(job: Job) -> Sequence[MediaFile]:
    """The pictures to begin with or to draw from: those given, or the one of the earlier task that ``index`` names."""
    if "task_id" not in job.input:
        return await job.media.files("image_urls")
    made = [file for file in await job.media.files("task_id") if file.media_type.startswith("image/")]
    index = int(job.input.get("index") or 0)
    if index >= len(made):
        raise Refused(FailKind.BAD_INPUT, f"index: the earlier task has {len(made)} pictures, counted from 0")
    return [made[index]]


def _percent(value: Any) -> int | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100
    return int(value) if known else None
