"""What Ark's errors prove: an object of code, message, param and type, the same in a refusal and in a failed task."""

import re
from typing import Any, Final

from souk.net.http import Response, Unreadable
from souk.providers.answers import as_object, quoted
from souk.providers.base import Connection, Failed, Refused
from souk.words import FailKind, JsonObject

UNCLEAR: Final = frozenset({408, 409})
"""Statuses below 500 that do not prove that nothing was taken."""
CODES: Final = (
    (r"SensitiveContent|RiskDetection|PolicyViolation|PrivacyInformation", FailKind.MODERATION),
    (r"^AuthenticationError|^AccessDenied", FailKind.AUTH),
    (r"^AccountOverdue|^QuotaExceeded|^SetLimitExceeded", FailKind.QUOTA),
    (r"^ModelNotOpen", FailKind.UNSUPPORTED),
    (r"^InvalidEndpoint", FailKind.RETIRED),
    (r"RateLimitExceeded|^ServerOverloaded", FailKind.RATE_LIMIT),
    (r"^InternalService", FailKind.TRANSIENT),
    (r"^InvalidParameter|^MissingParameter|^InvalidArgument", FailKind.BAD_INPUT),
)
"""A code settles the kind, whatever the status: used-up quota comes as 429 as well as too many calls."""
STATUSES: Final = {
    401: FailKind.AUTH,
    403: FailKind.AUTH,
    404: FailKind.RETIRED,
    429: FailKind.RATE_LIMIT,
}
"""For codes nobody wrote down; other statuses below 500 speak of the input."""
NOT_FETCHED: Final = re.compile(r"resource download failed", re.IGNORECASE)
"""What the service says of an input's address that it could not open."""


def not_taken(response: Response, connection: Connection) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal where the status proves it, else Unreadable."""
    error = _error_of(response)
    said = _said(error, connection) or f"HTTP {response.status}"
    if not 400 <= response.status < 500 or response.status in UNCLEAR:
        return Unreadable(f"HTTP {response.status} does not say whether the task was taken: {said!r}")
    kind = _kind(error) or STATUSES.get(response.status, FailKind.BAD_INPUT)
    return Refused(
        kind, f"The upstream refused the task: {said}", f"{response.status} {said}", response.retry_after()
    )


def refused(error: Any, connection: Connection) -> Refused:
    """A refusal by its error object, where all that was asked for came to nothing."""
    told = as_object(error)
    said = _said(told, connection) or "no reason given"
    return Refused(_kind(told) or FailKind.TRANSIENT, f"The upstream made nothing: {said}", said)


def failed(error: Any, connection: Connection) -> Failed:
    """A task's failure by the error object of its record."""
    told = as_object(error)
    said = _said(told, connection) or "no reason given"
    return Failed(_kind(told) or FailKind.TRANSIENT, f"The upstream failed: {said}", said)


def _kind(error: JsonObject) -> FailKind | None:
    if NOT_FETCHED.search(str(error.get("message") or "")):
        return FailKind.INPUT_UNREACHABLE
    code = str(error.get("code") or "")
    kind = next((kind for pattern, kind in CODES if re.search(pattern, code)), None)
    return FailKind.RETIRED if kind is FailKind.BAD_INPUT and error.get("param") == "model" else kind


def _said(error: JsonObject, connection: Connection) -> str:
    parts = (str(error[name]) for name in ("code", "message") if error.get(name))
    return quoted(": ".join(parts), connection.api_key)


def _error_of(response: Response) -> JsonObject:
    try:
        return as_object(as_object(response.json()).get("error"))
    except Unreadable:
        return {}
