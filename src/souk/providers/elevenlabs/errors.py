"""What ElevenLabs' refusals prove: ``{"detail": {"status", "message"}}``, or a list of fields that are wrong."""

from typing import Any, Final, cast

from souk.net.http import Response, Unreadable
from souk.providers.answers import field_problem, moderated, quoted
from souk.providers.base import Connection, Refused
from souk.words import FailKind, JsonObject

UNCLEAR: Final = frozenset({408, 409})
"""Statuses below 500 that do not prove that nothing was made."""
CODES: Final = {
    400: FailKind.BAD_INPUT,
    401: FailKind.AUTH,
    402: FailKind.QUOTA,
    403: FailKind.AUTH,
    404: FailKind.UNSUPPORTED,
    413: FailKind.UNSUPPORTED,
    422: FailKind.BAD_INPUT,
    429: FailKind.RATE_LIMIT,
}
"""Other statuses below 500 speak of the input."""
STATUSES: Final = {
    "invalid_api_key": FailKind.AUTH,
    "quota_exceeded": FailKind.QUOTA,
    "too_many_concurrent_requests": FailKind.RATE_LIMIT,
    "system_busy": FailKind.TRANSIENT,
    "model_not_found": FailKind.RETIRED,
    "unsupported_model": FailKind.RETIRED,
    # Our models allow both, and another service may have the voice or take the whole text.
    "voice_not_found": FailKind.UNSUPPORTED,
    "max_character_limit_exceeded": FailKind.UNSUPPORTED,
}
"""A word settles the kind, whatever the code: spent credit comes as 401, a busy machine as 429."""


def not_made(response: Response, connection: Connection) -> Refused | Unreadable:
    """Why an answer is no result: a refusal where the status proves it, else Unreadable."""
    status, words = _told(response)
    said = quoted(words, connection.api_key)
    if not 400 <= response.status < 500 or response.status in UNCLEAR:
        return Unreadable(f"HTTP {response.status} does not say whether anything was made: {said!r}")
    kind = STATUSES.get(status) or CODES.get(response.status, FailKind.BAD_INPUT)
    if kind is FailKind.BAD_INPUT and moderated(f"{status.replace('_', ' ')} {words}"):
        kind = FailKind.MODERATION
    told = quoted(f"{response.status} {status}".strip(), connection.api_key)
    return Refused(kind, f"The upstream refused the task: {said}", f"{told}: {said}", response.retry_after())


def _told(response: Response) -> tuple[str, str]:
    """The word that names an error, or nothing, and what is said about it."""
    try:
        body: Any = response.json()
    except Unreadable:
        body = None
    detail: Any = cast(JsonObject, body).get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        return "", "; ".join(field_problem(item) for item in cast(list[Any], detail))
    if isinstance(detail, dict):
        named = cast(JsonObject, detail)
        status = str(named.get("status") or named.get("code") or "")
        return status, str(named.get("message") or status or f"HTTP {response.status}")
    return "", str(detail or f"HTTP {response.status}")
