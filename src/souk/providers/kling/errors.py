"""What Kling's errors prove. Every answer is ``{code, message, request_id, data}``; 0 is the only good code."""

import re
from typing import Any, Final, cast

from souk.logs import Redactor
from souk.net.http import Response, Unreadable
from souk.providers.answers import moderated, quoted
from souk.providers.base import Failed, Job, Refused
from souk.providers.kling.token import secrets_of
from souk.words import FailKind, JsonObject

CODES: Final = {
    1000: FailKind.AUTH,
    1001: FailKind.AUTH,
    1002: FailKind.AUTH,
    1003: FailKind.AUTH,
    1004: FailKind.AUTH,
    1100: FailKind.QUOTA,
    1101: FailKind.QUOTA,
    1102: FailKind.QUOTA,
    # Of one model or feature only, so that the others go on.
    1103: FailKind.UNSUPPORTED,
    1200: FailKind.BAD_INPUT,
    1201: FailKind.BAD_INPUT,
    1202: FailKind.UNSUPPORTED,
    1203: FailKind.RETIRED,
    1300: FailKind.MODERATION,
    1301: FailKind.MODERATION,
    1302: FailKind.RATE_LIMIT,
    1303: FailKind.RATE_LIMIT,
    1304: FailKind.AUTH,
}
"""Codes from 5000 on are the service's own trouble and prove nothing."""
STATUSES: Final = {
    401: FailKind.AUTH,
    403: FailKind.AUTH,
    404: FailKind.UNSUPPORTED,
    429: FailKind.RATE_LIMIT,
}
"""Where there is no known code: other statuses below 500 speak of the input."""
UNCLEAR: Final = frozenset({408, 409})
CLOCK: Final = "; is this machine's clock right?"
RISK: Final = re.compile(r"\brisk control\b", re.IGNORECASE)
"""How the service speaks of its content rules."""


def not_taken(response: Response, answer: JsonObject, job: Job) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal where its code proves it, else Unreadable."""
    code: Any = answer.get("code")
    said = words(str(answer.get("message") or f"HTTP {response.status}"), job)
    kind = CODES.get(code) if isinstance(code, int) else None
    if kind is None and 400 <= response.status < 500 and response.status not in UNCLEAR:
        kind = STATUSES.get(response.status, FailKind.BAD_INPUT)
    if kind is None:
        return Unreadable(f"HTTP {response.status} does not say whether the task was taken: {said!r}")
    hint = CLOCK if code in (1003, 1004) else ""
    told = f"{response.status} {code}" if isinstance(code, int) else str(response.status)
    message = f"The upstream refused the task: {said}{hint}"
    return Refused(kind, message, f"{told}: {said}", response.retry_after())


def failed(reason: str, job: Job) -> Failed:
    """A task's failure, by the words in its record."""
    said = words(reason or "no reason given", job)
    blocked = moderated(said) or RISK.search(said)
    return Failed(FailKind.MODERATION if blocked else FailKind.TRANSIENT, said, said)


def words(text: str, job: Job) -> str:
    """The service's words without what opens it."""
    return quoted(Redactor(secrets_of(job))(text), job.connection.api_key)


def answer_of(response: Response) -> JsonObject:
    """The envelope of an answer; empty if it has none."""
    try:
        return an_object(response.json())
    except Unreadable:
        return {}


def an_object(value: Any) -> JsonObject:
    """A JSON object as it is, anything else as an empty one."""
    return cast(JsonObject, value) if isinstance(value, dict) else {}
