"""Grok pictures: ``POST /images/generations`` from words, ``/images/edits`` from pictures; the answer has them."""

from typing import Any, Final, cast

from souk.net.http import Http, Response, Unreadable
from souk.providers.answers import as_object, is_address, shaped
from souk.providers.base import Done, Job, OutputFile, Refused
from souk.providers.inputs import addresses_or_data_uris, refuse_beyond
from souk.providers.xai.wire import ANSWER_BYTES, INLINE_BYTES, address, key, not_taken
from souk.words import FailKind, JsonObject

SUBMIT_SECONDS: Final = 300.0
LONGEST_PROMPT: Final = 8000
"""Characters."""
MOST_GIVEN: Final = 3
MOST_MADE: Final = 10
BETTER: Final = "-quality"
"""Ends the name of a model's better variant."""
RESOLUTION: Final = "1k"
"""What our models of this maker make."""
KNOWN: Final = frozenset({"prompt", "aspect_ratio", "enable_pro", "image_urls", "nsfw_checker"})


async def asked(job: Job, http: Http) -> Response:
    """Send the one request. Raises Refused for what the API cannot be asked."""
    body = await _body(job)
    path = "/images/edits" if "image" in body or "images" in body else "/images/generations"
    return await http.submit(
        "POST",
        address(job, path),
        headers=key(job),
        json=body,
        timeout=SUBMIT_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )


def read(response: Response, job: Job) -> Done:
    """The finished pictures. Raises Refused, or Unreadable where the answer proves nothing.

    Some may be held back by the service's content rules; the others are the result.
    """
    if response.status >= 300:
        raise not_taken(response, job.connection)
    data: Any = as_object(response.json()).get("data")
    made = [as_object(item) for item in cast(list[Any], data)] if isinstance(data, list) else []
    files = [
        OutputFile(url=str(item["url"])) for item in made if _is_shown(item) and is_address(item.get("url"))
    ]
    if files:
        return Done(files, shaped(job, len(files)))
    if made and not any(map(_is_shown, made)):
        raise Refused(FailKind.MODERATION, "The upstream's content rules held every picture back")
    raise Unreadable(f"HTTP {response.status} without a picture")


def _is_shown(item: JsonObject) -> bool:
    return item.get("respect_moderation") is not False


async def _body(job: Job) -> JsonObject:
    refuse_beyond(job.input, KNOWN)
    prompt = str(job.input.get("prompt") or "")
    if not prompt:
        raise Refused(FailKind.UNSUPPORTED, "prompt: the upstream makes no picture without one")
    if len(prompt) > LONGEST_PROMPT:
        raise Refused(FailKind.UNSUPPORTED, f"prompt: the upstream takes at most {LONGEST_PROMPT} characters")
    files = await job.media.files("image_urls")
    if len(files) > MOST_GIVEN:
        raise Refused(FailKind.UNSUPPORTED, f"image_urls: the upstream takes at most {MOST_GIVEN} pictures")
    body: JsonObject = {
        "model": f"{job.upstream_model}{BETTER if job.input.get('enable_pro') else ''}",
        "prompt": prompt,
        "n": min(MOST_MADE, int(job.output.get("count") or 1)),
        "resolution": RESOLUTION,
        "response_format": "url",
    }
    if ratio := job.input.get("aspect_ratio"):
        body["aspect_ratio"] = ratio
    given = [{"url": url, "type": "image_url"} for url in await addresses_or_data_uris(files, INLINE_BYTES)]
    if given:
        return body | ({"image": given[0]} if len(given) == 1 else {"images": given})
    return body
