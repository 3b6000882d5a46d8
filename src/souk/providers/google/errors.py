"""What Google's errors prove: ``{"error": {"code", "message", "status", "details"}}``, alone or in a list of one.

Sources: the Gemini API's page of error codes, and the retry and quota details of Google's error model.
"""

from typing import Any, Final, cast

from souk.net.http import Response, Unreadable
from souk.providers.answers import moderated, objects, quoted
from souk.providers.base import Failed, Refused
from souk.providers.google.wire import an_object
from souk.words import FailKind, JsonObject

UNCLEAR: Final = frozenset({408, 409, 499})
"""Statuses below 500 that do not prove that nothing was taken: time-outs, a clash, a call broken off."""
STATUSES: Final = {
    401: FailKind.AUTH,
    402: FailKind.QUOTA,
    403: FailKind.AUTH,
    404: FailKind.RETIRED,
    429: FailKind.RATE_LIMIT,
}
"""Other statuses below 500 speak of the input."""
CODES: Final = {
    1: FailKind.TRANSIENT,
    3: FailKind.BAD_INPUT,
    4: FailKind.TRANSIENT,
    7: FailKind.AUTH,
    8: FailKind.QUOTA,
    9: FailKind.BAD_INPUT,
    16: FailKind.AUTH,
}
"""The numbers of Google's own status codes, in which operations tell why they failed."""


def not_taken(response: Response, secret: str) -> Refused | Unreadable:
    """Why an answer is no acceptance: a refusal where Google's error object proves it, else Unreadable."""
    error = _error_of(response)
    said = quoted(str(error.get("message") or f"HTTP {response.status}"), secret)
    if not error or not 400 <= response.status < 500 or response.status in UNCLEAR:
        return Unreadable(f"HTTP {response.status} does not say whether the task was taken: {said!r}")
    status = quoted(str(error.get("status") or ""), secret)
    return Refused(
        _kind(response.status, error),
        f"The upstream refused the task: {said}",
        f"{response.status} {status}: {said}",
        _retry_after(error, response),
    )


def failed(error: JsonObject, secret: str) -> Failed:
    """The failure of a task that was taken, by the error of its record: a number or a word, and a message."""
    code: Any = error.get("code")
    said = quoted(str(error.get("message") or code or "no reason given"), secret)
    kind = CODES.get(code, FailKind.TRANSIENT) if isinstance(code, int) else FailKind.TRANSIENT
    if isinstance(code, str) and "invalid" in code.lower():
        kind = FailKind.BAD_INPUT
    if kind in (FailKind.BAD_INPUT, FailKind.TRANSIENT) and moderated(said):
        kind = FailKind.MODERATION
    return Failed(kind, said, quoted(f"{code}: {said}" if code else said, secret))


def _kind(status: int, error: JsonObject) -> FailKind:
    reasons = {str(detail.get("reason")) for detail in objects(error.get("details"))}
    said = str(error.get("message") or "")
    if "API_KEY_INVALID" in reasons or "api key not valid" in said.lower():
        return FailKind.AUTH
    if status == 400 and error.get("status") == "FAILED_PRECONDITION":
        return FailKind.QUOTA  # no billing, or a country that is not served: nothing the caller can mend
    kind = STATUSES.get(status, FailKind.BAD_INPUT)
    if kind is FailKind.RATE_LIMIT and _used_up(error):
        return FailKind.QUOTA
    return FailKind.MODERATION if kind is FailKind.BAD_INPUT and moderated(said) else kind


def _used_up(error: JsonObject) -> bool:
    """Whether waiting a moment is no use: a quota of the day, or one of none at all."""
    violations = [
        violation
        for detail in objects(error.get("details"))
        for violation in objects(detail.get("violations"))
    ]
    return any(
        "PerDay" in str(each.get("quotaId")) or str(each.get("quotaValue")) == "0" for each in violations
    )


def _retry_after(error: JsonObject, response: Response) -> float | None:
    for detail in objects(error.get("details")):
        number = str(detail.get("retryDelay") or "").removesuffix("s")
        if number.replace(".", "", 1).isdigit() and number.isascii() and len(number) < 12:
            return float(number)
    return response.retry_after()


def _error_of(response: Response) -> JsonObject:
    """The error object; empty if there is none."""
    try:
        body: Any = response.json()
    except Unreadable:
        return {}
    if isinstance(body, list) and body:
        body = cast(list[Any], body)[0]
    return an_object(an_object(body).get("error"))
