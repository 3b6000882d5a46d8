"""How the Imagine API is spoken to, and what its errors prove.

Sources: the maker's API reference, and recorded answers. Errors come in three forms: ``{"code", "error"}`` with words
in both, ``{"error": {"code", "message"}}``, and plain text where the request does not fit the API's types.
"""

import re
from typing import Any, Final

from souk.net.http import Response, Unreadable
from souk.providers.answers import as_object, moderated, quoted
from souk.providers.base import Connection, Failed, Job, Refused
from souk.providers.chat.speech import bearer, versioned
from souk.providers.takes import MB, Takes
from souk.words import FailKind

INLINE_BYTES: Final = 45 * 1024 * 1024
"""The most that is written into one request; a picture of the largest size that a field takes always fits."""
TAKES: Final = {"image": Takes(frozenset({"image/jpeg", "image/png", "image/webp"}), max_bytes=10 * MB)}
"""Pictures to work from, for both APIs."""
ANSWER_BYTES: Final = 1024 * 1024

UNCLEAR: Final = frozenset({408, 409})
"""Statuses below 500 that do not prove that nothing was taken."""
STATUSES: Final = {
    401: FailKind.AUTH,
    402: FailKind.QUOTA,
    403: FailKind.AUTH,
    404: FailKind.RETIRED,
    413: FailKind.UNSUPPORTED,
    429: FailKind.RATE_LIMIT,
}
"""Other statuses below 500 speak of the input."""
FAILURES: Final = {
    "invalid_argument": FailKind.BAD_INPUT,
    "permission_denied": FailKind.AUTH,
}
"""Codes of a failed clip; the others are the service's own trouble."""
NO_CREDIT: Final = re.compile(r"\bcredits?\b|spending limit", re.IGNORECASE)
NO_CREDIT_STATUSES: Final = frozenset({403, 429})
"""With these it is no matter of waiting, nor of the key."""
NOT_FETCHED: Final = re.compile(
    r"unable to (?:download|fetch)|(?:failed|could not) to (?:download|fetch)", re.IGNORECASE
)
WRONG_KEY: Final = re.compile(r"^incorrect api key", re.IGNORECASE)
WRONG_KEY_STATUS: Final = 400


def address(job: Job, path: str) -> str:
    """Where a path of the API is at the job's connection."""
    return f"{versioned(job.connection.base_url)}{path}"


def key(job: Job) -> dict[str, str]:
    """The header that opens the API."""
    return bearer(job.connection)


def not_taken(response: Response, connection: Connection) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal where the status proves it, else Unreadable."""
    words = _words(response)
    said = quoted(words, connection.api_key) or f"HTTP {response.status}"
    if not 400 <= response.status < 500 or response.status in UNCLEAR:
        return Unreadable(f"HTTP {response.status} does not say whether the task was taken: {said!r}")
    kind = _told_by(words) or _of_account(response.status, words)
    kind = kind or STATUSES.get(response.status, FailKind.BAD_INPUT)
    return Refused(
        kind, f"The upstream refused the task: {said}", f"{response.status} {said}", response.retry_after()
    )


def failed(error: Any, connection: Connection) -> Failed:
    """A clip's failure by the error object of its record."""
    told = as_object(error)
    code, words = str(told.get("code") or ""), str(told.get("message") or "")
    kind = _told_by(words) or FAILURES.get(code, FailKind.TRANSIENT)
    said = quoted(words or code or "no reason given", connection.api_key)
    return Failed(kind, f"The upstream failed: {said}", quoted(f"{code} {words}".strip(), connection.api_key))


def _told_by(words: str) -> FailKind | None:
    """What an error's words settle, whatever its status or code."""
    if moderated(words):
        return FailKind.MODERATION
    return FailKind.INPUT_UNREACHABLE if NOT_FETCHED.search(words) else None


def _of_account(status: int, words: str) -> FailKind | None:
    """What is wrong with the key or its account, where the status alone says something else.

    Only where the service speaks of accounts: words from a prompt must not make a connection look useless.
    """
    if status == WRONG_KEY_STATUS and WRONG_KEY.search(words):
        return FailKind.AUTH
    return FailKind.QUOTA if status in NO_CREDIT_STATUSES and NO_CREDIT.search(words) else None


def _words(response: Response) -> str:
    try:
        error: Any = as_object(response.json()).get("error")
    except Unreadable:
        plain = response.headers.get("content-type", "").startswith("text/plain")
        return response.text() if plain else ""
    return str(as_object(error).get("message") or "") if isinstance(error, dict) else str(error or "")
