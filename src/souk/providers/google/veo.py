"""Veo's own words: what is asked for a clip or its continuation, and what an operation says of it.

Sources: Google Cloud's reference of the Veo models, and the requests of Google's SDK.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from souk.providers.answers import objects, quoted, shaped
from souk.providers.base import Done, Failed, Job, MediaFile, OutputFile, Refused, Running, Unreachable
from souk.providers.google import bucket
from souk.providers.google.errors import failed
from souk.providers.google.wire import an_object
from souk.providers.inputs import as_base64
from souk.providers.takes import MB, Takes
from souk.words import FailKind, JsonObject

TAKES: Final = {"image": Takes(frozenset({"image/jpeg", "image/png"}), max_bytes=20 * MB)}
WHOLE: Final = 8
"""Seconds of a clip that is fine, or made from references."""
PLAIN: Final = "720p"
FRAMES: Final = "FIRST_AND_LAST_FRAMES_2_VIDEO"
REFERENCES: Final = "REFERENCE_2_VIDEO"
MOST_FRAMES: Final = 2
GRADES: Final = {"fast": "-fast-", "lite": "-lite-"}
"""What tells the Veos apart in their ids; the best has neither."""


async def asked(job: Job) -> JsonObject:
    """The request for a task. Raises Refused for what Veo cannot do, or this route's Veo does not."""
    if job.input.get("watermark"):
        raise Refused(FailKind.UNSUPPORTED, "watermark: the upstream draws none")
    instance, parameters = await (_longer(job) if "taskId" in job.input else _new(job))
    parameters |= {"sampleCount": 1, **bucket.wish(job.connection)}
    if "seeds" in job.input:
        parameters["seed"] = job.input["seeds"]
    return {"instances": [{"prompt": job.input["prompt"], **instance}], "parameters": parameters}


async def _new(job: Job) -> tuple[JsonObject, JsonObject]:
    files = await job.media.files("imageUrls")
    kind = job.input.get("generationType") or (REFERENCES if len(files) > MOST_FRAMES else FRAMES)
    resolution, seconds = job.input["resolution"], job.input["duration"]
    if resolution != PLAIN and seconds != WHOLE:
        raise Refused(FailKind.UNSUPPORTED, f"duration: at {resolution} the upstream makes {WHOLE} seconds")
    if kind == REFERENCES and files and seconds != WHOLE:
        raise Refused(FailKind.UNSUPPORTED, f"duration: from references the upstream makes {WHOLE} seconds")
    parameters: JsonObject = {
        "durationSeconds": seconds,
        "aspectRatio": _ratio(job, bool(files)),
        "resolution": resolution,
        "generateAudio": True,
    }
    return await _pictures(kind, files), parameters


def _ratio(job: Job, follows: bool) -> str:
    ratio = str(job.input.get("aspect_ratio") or job.input.get("aspectRatio") or "16:9")
    if ratio != "Auto":
        return ratio
    if follows:
        raise Refused(FailKind.UNSUPPORTED, "aspect_ratio: the upstream does not take the shape of a picture")
    return "16:9"


async def _pictures(kind: str, files: Sequence[MediaFile]) -> JsonObject:
    if kind == REFERENCES:
        return {
            "referenceImages": [{"image": await _inline(file), "referenceType": "asset"} for file in files]
        }
    if kind != FRAMES:
        return {}
    return {name: await _inline(file) for name, file in zip(("image", "lastFrame"), files, strict=False)}


async def _longer(job: Job) -> tuple[JsonObject, JsonObject]:
    grade = job.input["model"]
    known = next((name for name, mark in GRADES.items() if mark in job.upstream_model), "quality")
    if grade != known:
        raise Refused(FailKind.UNSUPPORTED, f"model: this route runs Veo {known}, not {grade}")
    files = await job.media.files("taskId")
    if not files:
        raise Refused(FailKind.INPUT_UNREACHABLE, "taskId: the clip to go on from is gone")
    return {"video": await _inline(files[0])}, {"resolution": PLAIN}


async def _inline(file: MediaFile) -> JsonObject:
    return {"bytesBase64Encoded": await as_base64(file), "mimeType": file.media_type}


def verdict(operation: JsonObject, job: Job, secret: str) -> Running | Done | Failed:
    """What an operation says. Raises Unreachable if it says nothing."""
    if operation.get("done") is not True:
        if not operation.get("name"):
            raise Unreachable("the answer is no operation")
        return Running()
    if error := an_object(operation.get("error")):
        return failed(error, secret)
    response = an_object(operation.get("response"))
    clips = [file for clip in objects(response.get("videos")) if (file := _clip(clip, job))]
    if clips:
        return Done(clips[:1], shaped(job, 1))
    reasons = response.get("raiMediaFilteredReasons")
    if reasons or response.get("raiMediaFilteredCount"):
        said = quoted(str(reasons or "the clip was held back"), secret)
        return Failed(FailKind.MODERATION, f"The upstream's content rules: {said}", said)
    return Failed(FailKind.TRANSIENT, "the upstream reports success without a clip")


def _clip(clip: JsonObject, job: Job) -> OutputFile | None:
    """A clip of an answer: in a bucket, or there itself. None if it is neither."""
    media_type = str(clip.get("mimeType") or "video/mp4")
    if url := bucket.address(str(clip.get("gcsUri") or ""), job.connection):
        return OutputFile(media_type, url=url, keyed=True)
    if not clip.get("bytesBase64Encoded"):
        return None
    try:
        data = base64.b64decode(str(clip["bytesBase64Encoded"]), validate=True)
    except (binascii.Error, ValueError):
        raise Unreachable("the clip in the answer is not base64") from None
    return OutputFile(media_type, data=data)
