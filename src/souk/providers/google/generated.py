"""Reading what ``generateContent`` made: inline files, or the reason why there are none.

The call is answered when the work is done. An answer that says why nothing came is as good as a refusal.
"""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Final

from souk.net.http import Response, Unreadable
from souk.providers.answers import objects, quoted
from souk.providers.base import Job, Refused
from souk.providers.google.errors import not_taken
from souk.providers.google.wire import an_object
from souk.words import FailKind, JsonObject

MODERATED: Final = frozenset(
    {
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "RECITATION",
        "IMAGE_RECITATION",
    }
)
"""Ends of a generation that are the work of content rules."""
CHANCE: Final = frozenset({"NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE"})
"""Ends that the same request may not meet again."""


@dataclass(frozen=True, slots=True)
class Inline:
    """One file inside an answer."""

    media_type: str
    data: bytes


async def read_inline(response: Response, job: Job) -> list[Inline]:
    """The files of a whole answer, at least one, drafts left out.

    Raises Refused where the answer tells why there are none, and Unreadable where it tells nothing.
    """
    if response.status != 200:
        raise not_taken(response, job.connection.api_key)
    answer = an_object(response.json())
    parts = _parts(answer)
    found = [
        inline
        for part in parts
        if part.get("thought") is not True and (inline := an_object(part.get("inlineData"))).get("data")
    ]
    if not found:
        raise _nothing(answer, parts, job.connection.api_key)
    return await asyncio.to_thread(lambda: [_decoded(inline) for inline in found])


def _parts(answer: JsonObject) -> list[JsonObject]:
    candidates = objects(answer.get("candidates"))
    return objects(an_object(candidates[0].get("content")).get("parts")) if candidates else []


def _decoded(inline: JsonObject) -> Inline:
    try:
        data = base64.b64decode(str(inline["data"]), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("a file in the answer is not base64") from None
    return Inline(str(inline.get("mimeType") or ""), data)


def _nothing(answer: JsonObject, parts: list[JsonObject], secret: str) -> Refused | Unreadable:
    blocked = an_object(answer.get("promptFeedback")).get("blockReason")
    if blocked:
        reason = quoted(str(blocked), secret)
        return Refused(FailKind.MODERATION, f"The upstream's content rules: {reason}", reason)
    candidates = objects(answer.get("candidates"))
    end = quoted(str(candidates[0].get("finishReason") or ""), secret) if candidates else ""
    told = str(candidates[0].get("finishMessage") or "") if candidates else ""
    words = " ".join(str(part["text"]) for part in parts if part.get("text") and not part.get("thought"))
    said = quoted(told or words, secret) or end
    if end in MODERATED:
        return Refused(FailKind.MODERATION, f"The upstream's content rules: {said}", end)
    if end in CHANCE:
        return Refused(FailKind.TRANSIENT, f"The upstream made nothing: {said}", end)
    if end == "STOP" and words:
        return Refused(FailKind.BAD_INPUT, f"The upstream answered in words alone: {said}", end)
    return Unreadable(f"an answer without a file and without a reason ({end or 'no end'})")
