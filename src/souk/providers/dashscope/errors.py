"""What DashScope's errors prove: a code and a message, the same in a refusal and in a failed task."""

import re
from typing import Final

from souk.net.http import Response, Unreadable
from souk.providers.answers import as_object, moderated, quoted
from souk.providers.base import Connection, Failed, Refused
from souk.words import FailKind, JsonObject

UNCLEAR: Final = frozenset({408, 409})
"""Statuses below 500 that do not prove that nothing was taken."""
CODES: Final = (
    (r"DataInspection|IPInfringement|green_?net", FailKind.MODERATION),
    (r"^Arrearage|FreeTierOnly|AllocationQuota|PrepaidBillOverdue", FailKind.QUOTA),
    (r"^Throttling", FailKind.RATE_LIMIT),
    (r"^Model\.?(?:NotFound|NotExist)", FailKind.RETIRED),
    (r"^InvalidApiKey|AccessDenied", FailKind.AUTH),
    (r"DownloadFailed", FailKind.INPUT_UNREACHABLE),
    (r"^InternalError|^ServiceUnavailable|^RequestTimeOut", FailKind.TRANSIENT),
    (r"^Invalid|^BadRequest", FailKind.BAD_INPUT),
)
"""A code settles the kind, whatever the status: used-up quota comes as 403 as well as 429."""
STATUSES: Final = {
    401: FailKind.AUTH,
    403: FailKind.AUTH,
    404: FailKind.RETIRED,
    429: FailKind.RATE_LIMIT,
}
"""For codes nobody wrote down; other statuses below 500 speak of the input."""
NOT_FETCHED: Final = re.compile(
    r"(?:fail\w*|unable|timed? ?out)\b.{0,40}\bdownload|download\w*\b.{0,60}\b(?:fail|timed? ?out)",
    re.IGNORECASE,
)
"""What the service says of an input's address that it could not open, under codes of other kinds too."""


def not_taken(response: Response, connection: Connection) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal where the status proves it, else Unreadable."""
    error = _error_of(response)
    said = _said(error, connection) or f"HTTP {response.status}"
    if not 400 <= response.status < 500 or response.status in UNCLEAR:
        return Unreadable(f"HTTP {response.status} does not say whether the task was taken: {said!r}")
    kind = _kind(error) or STATUSES.get(response.status, FailKind.BAD_INPUT)
    message = f"The upstream refused the task: {said}"
    return Refused(kind, message, f"{response.status} {said}", response.retry_after())


def failed(error: JsonObject, connection: Connection) -> Failed:
    """A task's failure by the code and message of its record."""
    said = _said(error, connection) or "no reason given"
    return Failed(_kind(error) or FailKind.TRANSIENT, f"The upstream failed: {said}", said)


def _kind(error: JsonObject) -> FailKind | None:
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    if NOT_FETCHED.search(message):
        return FailKind.INPUT_UNREACHABLE
    found = (kind for pattern, kind in CODES if re.search(pattern, code, re.IGNORECASE))
    kind = next(found, None)
    return FailKind.MODERATION if kind is FailKind.BAD_INPUT and moderated(message) else kind


def _said(error: JsonObject, connection: Connection) -> str:
    parts = (str(error[name]) for name in ("code", "message") if error.get(name))
    return quoted(": ".join(parts), connection.api_key)


def _error_of(response: Response) -> JsonObject:
    try:
        return as_object(response.json())
    except Unreadable:
        return {}
