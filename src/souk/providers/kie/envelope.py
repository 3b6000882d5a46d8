"""What every answer of KIE.AI is wrapped in, and what its codes prove.

An answer carries its verdict in the body's ``code``; the HTTP status is 200 even for refusals.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, cast

from souk.net.http import Response, Unreadable
from souk.providers.answers import as_object, moderated, quoted
from souk.providers.base import Connection, Failed, Refused
from souk.words import Credits, FailKind, JsonObject, credits_from_number

BASE_URL = "https://api.kie.ai"

OK = 200
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
    413: FailKind.BAD_INPUT,
    422: FailKind.BAD_INPUT,
    451: FailKind.INPUT_UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer out of its envelope. Without a code of its own, the HTTP status is the code."""

    status: int
    """Of the HTTP answer."""
    code: int
    message: str
    data: Any
    retry_after: float | None

    @property
    def record(self) -> JsonObject:
        """``data`` where it is an object; nothing otherwise."""
        return as_object(self.data)

    @property
    def fine(self) -> bool:
        return self.code == OK and self.status < 300


def read(response: Response) -> Answer:
    """Read the envelope. Raises Unreadable when the body is not one."""
    body = response.json()
    if not isinstance(body, dict):
        raise Unreadable(f"the answer (HTTP {response.status}) is not an object")
    body = cast(JsonObject, body)
    return Answer(
        status=response.status,
        code=whole(body.get("code"), -1 if response.status < 400 else response.status),
        message=str(body.get("msg") or body.get("message") or ""),
        data=body.get("data"),
        retry_after=response.retry_after(),
    )


def task_id(answer: Answer, connection: Connection) -> str:
    """The accepted task's id. Raises Refused if none can exist, Unreadable if one might."""
    found = answer.record.get("taskId") or answer.record.get("recordId")
    if answer.fine and isinstance(found, str) and 0 < len(found) <= REF_CHARACTERS:
        return found
    raise not_taken(answer, connection, maybe=bool(found))


def not_taken(answer: Answer, connection: Connection, *, maybe: bool = False) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal, or Unreadable where it proves nothing. ``maybe``: it names a task."""
    said = quoted(answer.message, connection.api_key)
    kind = None if maybe or answer.status >= 500 else _refusal(answer)
    if kind is None:
        return Unreadable(f"the answer does not say whether the task was taken: code {answer.code}, {said!r}")
    return Refused(
        kind, f"The upstream refused the task: {said}", f"{answer.code} {said}", answer.retry_after
    )


def _refusal(answer: Answer) -> FailKind | None:
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


def failed(code: Any, message: Any, connection: Connection) -> Failed:
    """A task's failure by the code and words of its record."""
    said = quoted(str(message or "no reason given"), connection.api_key)
    number = whole(code, 0)
    if moderated(said):
        kind = FailKind.MODERATION
    elif 500 <= number < 600:
        kind = FailKind.TRANSIENT
    else:
        kind = FAILURES.get(number, FailKind.INTERNAL)
    return Failed(kind, said, f"{number} {said}" if number else said)


def cost(value: Any) -> Credits | None:
    """What the service charged, if it tells."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return credits_from_number(value) if known and 0 <= value < 1e9 else None


def whole(value: Any, default: int) -> int:
    """A number that may have been sent as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
