"""What OpenAI's errors prove. Sources: the API reference's page of error codes, and the error object of its SDK."""

import re
from typing import Any, Final, cast

from souk.net.http import Response, Unreadable
from souk.providers.answers import moderated, quoted
from souk.providers.base import Connection, Failed, Refused
from souk.words import FailKind, JsonObject

UNCLEAR: Final = frozenset({408, 409})
"""Statuses below 500 that do not prove that nothing was taken: a time-out on the way, a clash with a request before."""
STATUSES: Final = {
    401: FailKind.AUTH,
    402: FailKind.QUOTA,
    403: FailKind.AUTH,
    404: FailKind.UNSUPPORTED,
    405: FailKind.UNSUPPORTED,
    410: FailKind.RETIRED,
    429: FailKind.RATE_LIMIT,
}
"""Other statuses below 500 speak of the input."""
CODES: Final = {
    "moderation_blocked": FailKind.MODERATION,
    "content_policy_violation": FailKind.MODERATION,
    "invalid_api_key": FailKind.AUTH,
    "insufficient_quota": FailKind.QUOTA,
    "billing_hard_limit_reached": FailKind.QUOTA,
    "rate_limit_exceeded": FailKind.RATE_LIMIT,
    "model_not_found": FailKind.RETIRED,
    "model_deprecated": FailKind.RETIRED,
    "server_error": FailKind.TRANSIENT,
    "internal_error": FailKind.TRANSIENT,
}
"""A code settles the kind, whatever the status: quota comes as 429, billing limits as 400 too."""
INVALID: Final = re.compile(r"^invalid_|_invalid$|^unsupported_|^bad_request$")
"""Codes of a failed clip that blame its input."""


def not_taken(response: Response, connection: Connection) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal where the status proves it, else Unreadable."""
    error = _error_of(response)
    said = quoted(_words(error) or f"HTTP {response.status}", connection.api_key)
    if not 400 <= response.status < 500 or response.status in UNCLEAR:
        return Unreadable(f"HTTP {response.status} does not say whether the task was taken: {said!r}")
    kind = _kind(response.status, error)
    told = f"{response.status} {quoted(str(error.get('code') or ''), connection.api_key)}".strip()
    message = f"The upstream refused the task: {said}"
    return Refused(kind, message, f"{told}: {said}", retry_after(response))


def failed(error: Any, connection: Connection) -> Failed:
    """A clip's failure by the error object of its record."""
    told = cast(JsonObject, error) if isinstance(error, dict) else {}
    code = str(told.get("code") or "")
    said = quoted(_words(told) or code or "no reason given", connection.api_key)
    kind = CODES.get(code)
    if kind is None:
        kind = FailKind.BAD_INPUT if INVALID.search(code) else FailKind.TRANSIENT
        kind = FailKind.MODERATION if moderated(f"{code.replace('_', ' ')} {said}") else kind
    return Failed(kind, said, quoted(f"{code}: {said}" if code else said, connection.api_key))


def retry_after(response: Response) -> float | None:
    """Seconds until it is worth asking again. The service tells them to the millisecond in a header of its own."""
    exact = response.headers.get("retry-after-ms", "").strip()
    if exact.isascii() and exact.isdigit() and len(exact) < 10:
        return int(exact) / 1000
    return response.retry_after()


def _kind(status: int, error: JsonObject) -> FailKind:
    kind = CODES.get(str(error.get("code") or "")) or STATUSES.get(status, FailKind.BAD_INPUT)
    if kind is not FailKind.BAD_INPUT:
        return kind
    if error.get("param") == "model":
        return FailKind.RETIRED
    return FailKind.MODERATION if moderated(_words(error)) else kind


def _error_of(response: Response) -> JsonObject:
    """The error object; servers of one's own may say ``detail`` or ``message``, or answer with no JSON at all."""
    try:
        body = response.json()
    except Unreadable:
        return {}
    answer = cast(JsonObject, body) if isinstance(body, dict) else {}
    error: Any = answer.get("error") or answer.get("detail") or answer.get("message")
    return cast(JsonObject, error) if isinstance(error, dict) else {"message": error} if error else {}


def _words(error: JsonObject) -> str:
    return str(error.get("message") or "")
