"""Pictures: the Nano Banana family by ``generateContent``, and Imagen 4 by ``predict``.

Imagen has left the Gemini API; its call stays for gateways that speak it. Where a route names a Nano Banana in its
place, that is asked as Nano Bananas are. Sources: the Gemini API's pages on image generation and on Imagen.
"""

import asyncio
import base64
import binascii
from typing import Any, Final

from souk.net.http import Http, Response, Unreadable
from souk.providers.answers import objects, quoted, shaped
from souk.providers.base import Done, Job, OutputFile, Refused
from souk.providers.google.errors import not_taken
from souk.providers.google.generated import read_inline
from souk.providers.google.wire import an_object, call_model
from souk.providers.inputs import as_base64
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 600.0
"""One request is open until the picture is made: seconds, or minutes at 4K and at times of need."""
ANSWER_BYTES: Final = 128 * 1024 * 1024
"""Room for a picture of the largest size and its drafts, in base64."""
PICTURES: Final = ("image_input", "image_urls")
"""Our fields of the pictures to work from."""
FOLLOWS: Final = "auto"
"""The shape that is left to the service, which then follows the pictures it is given."""


async def submit_picture(job: Job, http: Http) -> Done:
    """Make the pictures. Raises Refused, or Unreadable where the answer proves nothing."""
    if job.upstream_model.startswith("imagen"):
        return await _imagen(job, http)
    return await _nano_banana(job, http)


async def _nano_banana(job: Job, http: Http) -> Done:
    if job.output.get("count", 1) > 1:
        raise Refused(FailKind.UNSUPPORTED, "num_images: the upstream makes one picture at a time")
    _without(job, "negative_prompt")
    given = [file for field in PICTURES for file in await job.media.files(field)]
    pictures = [
        {"inlineData": {"mimeType": file.media_type, "data": await as_base64(file)}} for file in given
    ]
    body: JsonObject = {
        "contents": [{"role": "user", "parts": [{"text": job.input["prompt"]}, *pictures]}],
        "generationConfig": {"responseModalities": ["IMAGE"], **_wishes(job)},
    }
    if job.input.get("google_search"):
        body["tools"] = [{"googleSearch": {}}]
    answer = await call_model(
        job, http, "generateContent", body, seconds=SUBMIT_SECONDS, max_bytes=ANSWER_BYTES
    )
    picture = (await read_inline(answer, job))[-1]  # any before the last are steps on the way to it
    return Done([OutputFile(picture.media_type, data=picture.data)], shaped(job, 1))


def _wishes(job: Job) -> JsonObject:
    size: JsonObject = {}
    if (ratio := _ratio(job)) != FOLLOWS:
        size["aspectRatio"] = ratio
    if "resolution" in job.input:
        size["imageSize"] = job.input["resolution"]
    wishes: JsonObject = {"imageConfig": size} if size else {}
    if (seed := _seed(job)) is not None:
        wishes["seed"] = seed
    return wishes


def _ratio(job: Job) -> str:
    return str(job.input.get("aspect_ratio") or job.input.get("image_size") or "1:1")


def _seed(job: Job) -> int | None:
    given = str(job.input.get("seed", ""))
    return int(given) % 2**31 if given.isascii() and given.isdigit() else None


async def _imagen(job: Job, http: Http) -> Done:
    _without(job, "negative_prompt", "seed")
    count = job.output.get("count", 1)
    wishes: JsonObject = {"sampleCount": count, "includeRaiReason": True}
    if (ratio := _ratio(job)) != FOLLOWS:
        wishes["aspectRatio"] = ratio
    body: JsonObject = {"instances": [{"prompt": job.input["prompt"]}], "parameters": wishes}
    answer = await call_model(job, http, "predict", body, seconds=SUBMIT_SECONDS, max_bytes=ANSWER_BYTES)
    files = await asyncio.to_thread(_predicted, answer, job)
    return Done(files, shaped(job, len(files)))


def _predicted(response: Response, job: Job) -> list[OutputFile]:
    secret = job.connection.api_key
    if response.status != 200:
        raise not_taken(response, secret)
    answer = an_object(response.json())
    if "predictions" not in answer:
        raise Unreadable("an answer without predictions")
    made = objects(answer["predictions"])
    files = [_picture(each) for each in made if each.get("bytesBase64Encoded")]
    if not files:
        reasons = "; ".join(str(each.get("raiFilteredReason") or "") for each in made)
        said = quoted(reasons, secret) or "every picture was held back"
        raise Refused(FailKind.MODERATION, f"The upstream's content rules: {said}", said)
    return files


def _picture(prediction: JsonObject) -> OutputFile:
    encoded: Any = prediction["bytesBase64Encoded"]
    try:
        data = base64.b64decode(str(encoded), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("a picture in the answer is not base64") from None
    return OutputFile(str(prediction.get("mimeType") or ""), data=data)


def _without(job: Job, *fields: str) -> None:
    """Raises Refused if the caller gave one of these fields, which the service has nothing for."""
    for field in fields:
        if job.input.get(field) not in (None, ""):
            raise Refused(FailKind.UNSUPPORTED, f"{field}: the upstream has no such setting")
