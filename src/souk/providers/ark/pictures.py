"""Seedream: ``POST /images/generations`` makes pictures from words and edits them, answered when they are done."""

from typing import Any, Final, cast

from souk.net.http import Http, Response, Unreadable
from souk.providers.answers import as_object, is_address, shaped
from souk.providers.ark.errors import not_taken, refused
from souk.providers.ark.wire import HINTS, INLINE_BYTES, address, key, model_id
from souk.providers.base import Done, Job, OutputFile, Refused
from souk.providers.inputs import addresses_or_data_uris, refuse_beyond
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 600.0
ANSWER_BYTES: Final = 1024 * 1024

SEEDREAM_3: Final = "bytedance/seedream"
"""The one model that takes a seed and a guidance scale."""
OF_SEEDREAM_3: Final = frozenset({"seed", "guidance_scale"})
SIZE: Final = frozenset({"image_size", "image_resolution", "aspect_ratio", "quality"})
"""Inputs that the pixels of the result already say."""
KNOWN: Final = frozenset({"prompt", "image_urls", "max_images", "output_format"}) | SIZE | HINTS

STEP: Final = 16
MOST_PIXELS: Final = 4096 * 4096
MOST_PIXELS_PRO: Final = 2048 * 2048
PRO: Final = "seedream/5-pro-"
MOST_PICTURES: Final = 15
"""Of those given and those made together."""


async def asked(job: Job, http: Http) -> Response:
    """Send the one request. Raises Refused for what the API cannot be asked."""
    return await http.submit(
        "POST",
        address(job, "/images/generations"),
        headers=key(job),
        json=await _body(job),
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def read(response: Response, job: Job) -> Done:
    """The finished pictures. Raises Refused, or Unreadable where the answer proves nothing.

    Of a group some may have come to nothing; the others are the result, and all that the service charges for.
    """
    if response.status >= 300:
        raise not_taken(response, job.connection)
    answer = as_object(response.json())
    data: Any = answer.get("data")
    made = [as_object(item) for item in cast(list[Any], data)] if isinstance(data, list) else []
    files = [OutputFile(url=str(item["url"])) for item in made if is_address(item.get("url"))]
    if files:
        return Done(files, shaped(job, len(files)))
    errors = [item.get("error") for item in made] or [answer.get("error")]
    if all(errors):
        raise refused(errors[0], job.connection)
    raise Unreadable(f"HTTP {response.status} without a picture")


async def _body(job: Job) -> JsonObject:
    refuse_beyond(job.input, KNOWN | OF_SEEDREAM_3 if job.model == SEEDREAM_3 else KNOWN)
    given = await addresses_or_data_uris(await job.media.files("image_urls"), INLINE_BYTES)
    body: JsonObject = {
        "model": model_id(job.upstream_model, job.connection),
        "prompt": job.input["prompt"],
        "size": _size(job),
        "response_format": "url",
        "watermark": False,
    }
    if given:
        body["image"] = given[0] if len(given) == 1 else given
    if (most := int(job.input.get("max_images") or 1)) > 1:
        if len(given) + most > MOST_PICTURES:
            few = f"with {len(given)} given, the upstream makes at most {MOST_PICTURES - len(given)}"
            raise Refused(FailKind.UNSUPPORTED, f"max_images: {few}")
        body["sequential_image_generation"] = "auto"
        body["sequential_image_generation_options"] = {"max_images": most}
    own = ("seed", "guidance_scale", "output_format")
    return body | {name: job.input[name] for name in own if job.input.get(name) is not None}


def _size(job: Job) -> str:
    """The pixels the catalogue promises, held to what the model makes: a tier's word would leave the shape open."""
    width, height = int(job.output["width"]), int(job.output["height"])
    most = MOST_PIXELS_PRO if job.model.startswith(PRO) else MOST_PIXELS
    if width * height <= most:
        return f"{width}x{height}"
    shrink = (most / (width * height)) ** 0.5
    return f"{_stepped(width * shrink)}x{_stepped(height * shrink)}"


def _stepped(side: float) -> int:
    return int(side) // STEP * STEP
