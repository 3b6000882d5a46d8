"""From what went wrong to what a chat client is told: with a real HTTP status, in the maker's own shape."""

import math
from typing import Any, Final, cast

import msgspec

from souk.logs import redact
from souk.operations.types import Reason, Refusal
from souk.relay.protocols.protocol import ChatProtocol, Fault

STATUSES: Final[dict[Reason, int]] = {
    Reason.UNAUTHORIZED: 401,
    Reason.IP_DENIED: 403,
    Reason.FORBIDDEN: 403,
    Reason.INSUFFICIENT_CREDITS: 402,
    Reason.KEY_CAP: 402,
    Reason.RATE_LIMITED: 429,
    Reason.QUEUE_FULL: 429,
    Reason.BUSY: 429,
    Reason.UNKNOWN_MODEL: 404,
    Reason.MODEL_PAUSED: 503,
    Reason.NO_ROUTE: 404,
    Reason.LOOP: 400,
}
"""HTTP status of a refusal; 400 for every other reason."""
WORDS: Final[dict[Reason, str]] = {
    Reason.UNAUTHORIZED: "Unauthorized: ",
    Reason.RATE_LIMITED: "Rate limit exceeded: ",
    Reason.INVALID_INPUT: "Invalid request parameters: ",
}
"""The compatible wire's own words, which some clients look for; what to do about it follows."""
THE_OPERATORS: Final = frozenset({401, 402, 403})
"""What an upstream says to us and not to our client: our key, our balance, our permissions."""
LONGEST_TOLD: Final = 2_000
"""Characters of an upstream's own words."""


def fault_of(error: Exception) -> tuple[Fault, str]:
    """What to tell, and the ``Retry-After`` that goes with it, if any."""
    if isinstance(error, Refusal):
        words = WORDS.get(error.reason, "")
        told = Fault(STATUSES.get(error.reason, 400), words + error.message, code=error.reason.value)
        wait = "" if error.retry_after is None else str(max(1, math.ceil(error.retry_after)))
        return told, wait
    text = "Server Error - An unexpected error occurred while processing the request"
    return Fault(500, text, code="internal"), ""


def upstream_error(protocol: ChatProtocol, status: int, body: bytes, connection: str) -> tuple[int, bytes]:
    """Status and body for a client whose request an upstream refused. Secrets are taken out."""
    if status in THE_OPERATORS:
        message = (
            f"{connection} refuses this server (HTTP {status}): its key, balance or permissions there need "
            "the operator's attention"
        )
        return 502, protocol.error(Fault(502, message, code="upstream_refused"))
    if not 400 <= status < 600:
        message = f"{connection} gave an answer that is none (HTTP {status})"
        return 502, protocol.error(Fault(502, message, code="upstream_failed"))
    told = _object(body)
    if told is not None and _is_shaped(protocol, told):
        return status, redact(msgspec.json.encode(told).decode()).encode()
    message = _words(told, body) or f"{connection} answered HTTP {status}"
    return status, protocol.error(Fault(status, redact(message)[:LONGEST_TOLD], code="upstream_refused"))


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in an answer. Google sends a list of one in its streams."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value:
        value = cast(list[Any], value)[0]
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _is_shaped(protocol: ChatProtocol, told: dict[str, Any]) -> bool:
    error = told.get("error")
    if not isinstance(error, dict) or not isinstance(cast(dict[str, Any], error).get("message"), str):
        return False
    return protocol.name != "messages" or told.get("type") == "error"


def _words(told: dict[str, Any] | None, body: bytes) -> str:
    if told is None:
        text = body[: LONGEST_TOLD * 4].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text  # a page for people says nothing to a program
    error: Any = told.get("error")
    inner: Any = cast(dict[str, Any], error).get("message") if isinstance(error, dict) else error
    candidates: list[Any] = [inner, *map(told.get, ("msg", "message", "detail"))]
    return next((text for text in candidates if isinstance(text, str) and text), "")
