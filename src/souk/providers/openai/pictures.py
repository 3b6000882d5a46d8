"""The images API: ``POST /images/generations`` as JSON, ``POST /images/edits`` as a form; pictures come back as base64.

Sources: the API reference of both calls, and the parameters of the official SDK.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd, isqrt
from pathlib import Path
from typing import Any, Final, cast

from souk.net.http import Form, Http, Response, Unreadable
from souk.providers.answers import is_address, shaped
from souk.providers.base import Done, Job, MediaFile, OutputFile, Refused
from souk.providers.openai.errors import not_taken
from souk.providers.openai.wire import EXTENSIONS, address, form_fields, given, key, picture_part
from souk.providers.takes import MB, Takes
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 600.0
"""One request is open until the pictures are made, which takes a minute or two, and much more at times of need."""
PICTURE_BYTES: Final = 64 * 1024 * 1024
"""Room for one picture of the largest size, in base64."""

SIZES: Final = {"1:1": "1024x1024", "3:2": "1536x1024", "2:3": "1024x1536"}
"""The three sizes of GPT Image 1 and 1.5; later models know them too."""
TIER_PIXELS: Final = {"1K": 1024 * 1024, "2K": 2048 * 2048, "4K": 3840 * 2160}
"""GPT Image 2 takes any size up to the last of these."""
LONGEST_SIDE: Final = 3840
STEP: Final = 16
"""Sides are multiples of this."""


@dataclass(frozen=True, slots=True)
class Family:
    """How the input of some of our models is said in the images API."""

    shape: str
    """Our field of the ratio."""
    tier: str = ""
    """Our field of the resolution; empty where there are the three sizes only."""
    same: Mapping[str, str] = field(default_factory=dict[str, str])
    """Our fields that the API has under this name."""
    pictures: tuple[str, ...] = ()
    """Our fields of the pictures to work from."""

    def body(self, job: Job) -> JsonObject:
        ratio = str(job.input[self.shape])
        size = size_of(ratio, str(job.input[self.tier])) if self.tier else SIZES[ratio]
        told = {name: job.input[ours] for ours, name in self.same.items() if ours in job.input}
        return {**told, "size": size, "output_format": "png"}


# What is not named here is a hint (nsfw_checker, isEnhance, uploadCn) or leave to do otherwise (enableFallback).
_ONE_AND_A_HALF: Final = {"quality": "quality"}
FAMILIES: Final[Mapping[str, Family]] = {
    "gpt-image/1.5-text-to-image": Family("aspect_ratio", same=_ONE_AND_A_HALF),
    "gpt-image/1.5-image-to-image": Family("aspect_ratio", same=_ONE_AND_A_HALF, pictures=("input_urls",)),
    "gpt-image-2-text-to-image": Family("aspect_ratio", tier="resolution"),
    "gpt-image-2-image-to-image": Family("aspect_ratio", tier="resolution", pictures=("input_urls",)),
    "gpt4o-image": Family("size", same={"nVariants": "n"}, pictures=("filesUrl", "fileUrl")),
}
"""By our id. Models that an operator adds have the API's own fields."""
TAKES: Final = Takes(frozenset(EXTENSIONS), max_bytes=50 * MB - 1)
"""Of a picture to work from. Masks have a form of their own, and are brought into it."""
MASK: Final = "mask"
"""The API's field of the mask, and the name that a prepared one is kept under."""


async def asked(job: Job, http: Http) -> Response:
    """Send the one request. Raises Refused for what the API cannot be asked."""
    body = await _body(job)
    files = await pictures_of(job)
    most = PICTURE_BYTES * max(1, int(body.get("n") or 1))
    if not files:
        return await http.submit(
            "POST",
            address(job, "/images/generations"),
            headers=key(job),
            json=body,
            timeout=SUBMIT_SECONDS,
            max_bytes=most,
            trusted=True,
        )
    name = "image" if len(files) == 1 else "image[]"
    parts = [picture_part(name, file.path, file.media_type, f"image-{n}") for n, file in enumerate(files)]
    if mask := job.prepared.get(MASK):
        parts.append(picture_part(MASK, Path(mask), "image/png", MASK))
    return await http.submit(
        "POST",
        address(job, "/images/edits"),
        headers=key(job),
        data=Form(form_fields(body), parts),
        timeout=SUBMIT_SECONDS,
        max_bytes=most,
        trusted=True,
    )


async def pictures_of(job: Job) -> Sequence[MediaFile]:
    """The pictures to work from: of the first of the model's fields that has any."""
    family = FAMILIES.get(job.model)
    if family is None:
        return [file for file in await job.media.all() if file.field != MASK]
    for name in family.pictures:
        if found := await job.media.files(name):
            return found
    return []


def read(response: Response, job: Job) -> Done:
    """The pictures of an answer. Raises Refused, or Unreadable where it proves nothing. Slow for large pictures."""
    if response.status != 200:
        raise not_taken(response, job.connection)
    body: Any = response.json()
    data: Any = cast(JsonObject, body).get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not data:
        raise Unreadable("the answer has no pictures")
    files = [_picture(item) for item in cast(list[Any], data)]
    return Done(files, shaped(job, len(files)))


def size_of(ratio: str, tier: str) -> str:
    """The largest size of exactly this ratio within the tier; ``auto`` is the model's to choose."""
    if ratio == "auto":
        return "auto"
    across, down = (int(side) for side in ratio.split(":"))
    across, down = across // gcd(across, down) * STEP, down // gcd(across, down) * STEP
    times = min(isqrt(TIER_PIXELS[tier] // (across * down)), LONGEST_SIDE // max(across, down))
    return f"{across * times}x{down * times}"


async def _body(job: Job) -> JsonObject:
    if not job.input.get("prompt"):
        raise Refused(FailKind.UNSUPPORTED, "prompt: the upstream makes no picture without one")
    body: JsonObject = {"model": job.upstream_model, "prompt": job.input["prompt"]}
    family = FAMILIES.get(job.model)
    return body | (family.body(job) if family else await _as_given(job))


async def _as_given(job: Job) -> JsonObject:
    """The input of a model that an operator added, and the size its entry says, if the input does not."""
    body = await given(job)
    if job.output.get("width") and job.output.get("height"):
        body.setdefault("size", f"{job.output['width']}x{job.output['height']}")
    return body


def _picture(item: Any) -> OutputFile:
    told = cast(JsonObject, item) if isinstance(item, dict) else {}
    text = told.get("b64_json")
    if isinstance(text, str) and text:
        try:
            return OutputFile(data=base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise Unreadable("a picture in the answer is not whole base64") from error
    if is_address(url := told.get("url")):  # servers of one's own may answer with addresses
        return OutputFile(url=str(url))
    raise Unreadable("the answer names a picture that is not there")
