"""The envelope of the compatible wire: ``code``, ``msg``, ``data``, and beside them what a program needs.

Clients branch on ``code`` and some on ``msg``, so those keep the market's own words. The ``error`` object is
ours: it names the field, says whether trying again helps, and carries the request's id.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from souk.operations.types import Reason, Refusal

_encode = msgspec.json.Encoder().encode

OK: Final = 200


class Problem(msgspec.Struct):
    """The machine's view of a refusal."""

    code: str
    field: str | None
    retryable: bool
    requestId: str
    message: str | msgspec.UnsetType = msgspec.UNSET
    """What to do about it, where ``msg`` is a fixed text."""
    allowed: list[Any] | msgspec.UnsetType = msgspec.UNSET
    retryAfter: float | msgspec.UnsetType = msgspec.UNSET
    """Seconds."""
    taskId: str | msgspec.UnsetType = msgspec.UNSET
    """The task that goes on, where an answer could not wait for it."""


class _Success(msgspec.Struct):
    code: int
    msg: str
    data: Any


class _Failure(msgspec.Struct):
    code: int
    msg: str
    data: Any
    error: Problem


@dataclass(frozen=True, slots=True)
class Answer:
    """How the wire answers one reason of refusal. An empty text stands for the refusal's own message."""

    code: int
    text: str = ""


NO_ACCESS: Final = "You do not have access permissions"
MODEL_UNKNOWN: Final = (
    "The model name you specified is not supported. "
    "Please verify your input and use one of the supported models provided by KIE."
)
FIELD_REQUIRED: Final = "This field is required"

ANSWERS: Final[dict[Reason, Answer]] = {
    Reason.UNAUTHORIZED: Answer(
        401,
        "Unauthorized – Authentication failed. "
        "Please check that your Authorization and Content-Type headers are correctly set.",
    ),
    Reason.IP_DENIED: Answer(401, NO_ACCESS),
    Reason.FORBIDDEN: Answer(401, NO_ACCESS),
    Reason.INSUFFICIENT_CREDITS: Answer(
        402,
        "Credits insufficient : Your current balance isn't enough to run this request. "
        "Please top up to continue.",
    ),
    Reason.KEY_CAP: Answer(433),
    Reason.RATE_LIMITED: Answer(429, "Your call frequency is too high. Please try again later."),
    Reason.QUEUE_FULL: Answer(429),
    Reason.BUSY: Answer(429),
    Reason.UNKNOWN_MODEL: Answer(422, MODEL_UNKNOWN),
    Reason.MODEL_PAUSED: Answer(505, "This interface is temporarily paused."),
    Reason.NO_ROUTE: Answer(505),
    Reason.INVALID_INPUT: Answer(422),
    Reason.UNKNOWN_PARENT: Answer(422),
    Reason.BLOCKED_ADDRESS: Answer(422),
    Reason.UNKNOWN_TASK: Answer(422, "recordInfo is null"),
    Reason.UNKNOWN_FILE: Answer(422, "url is wrong"),
    Reason.IDEMPOTENCY_CONFLICT: Answer(422),
    Reason.LOOP: Answer(422),
    Reason.CONFLICT: Answer(409),
}


class Reworded(Refusal):
    """A refusal that a family answers with a code and text of its own, and perhaps with data."""

    def __init__(self, refusal: Refusal, answer: Answer, data: Any = None) -> None:
        super().__init__(
            refusal.reason,
            refusal.message,
            field=refusal.field,
            retry_after=refusal.retry_after,
            allowed=refusal.allowed,
        )
        self.answer = answer
        self.data = data


class Rejected(Exception):
    """A request that never became an operation: unreadable, too large, or to no known place."""

    def __init__(
        self, code: int, text: str, error: str, *, field: str | None = None, status: int = OK
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.error = error
        """The machine's name for it, such as ``malformed_body``."""
        self.field = field
        self.status = status
        """HTTP status: 200 on the compatible wire, whose clients read ``code``."""


def success(data: Any) -> bytes:
    """The body of an answer that went well."""
    return _encode(_Success(OK, "success", data))


def rejected(rejection: Rejected, request_id: str) -> bytes:
    """The body that answers an unusable request."""
    problem = Problem(rejection.error, rejection.field, False, request_id)
    return _encode(_Failure(rejection.code, rejection.text, None, problem))


def failure(
    code: int,
    text: str,
    error: str,
    request_id: str,
    *,
    data: Any = None,
    retryable: bool = False,
    task_id: str | None = None,
) -> bytes:
    """The body of an answer that is not the wanted one and yet has something to tell."""
    problem = Problem(error, None, retryable, request_id)
    if task_id is not None:
        problem.taskId = task_id
    return _encode(_Failure(code, text, data, problem))


def broken(request_id: str, message: str = "") -> bytes:
    """The body that answers when we failed. The log has the rest under the same request id."""
    text = "Server Error - An unexpected error occurred while processing the request"
    problem = Problem("internal", None, True, request_id)
    if message:
        problem.message = message
    return _encode(_Failure(500, text, None, problem))


def refused(refusal: Refusal, request_id: str) -> bytes:
    """The body that answers a refused operation."""
    own = refusal if isinstance(refusal, Reworded) else None
    answer = own.answer if own else ANSWERS[refusal.reason]
    problem = Problem(refusal.reason.value, refusal.field, refusal.retryable, request_id)
    text = (own.answer.text if own else "") or _text(answer, refusal)
    if refusal.message and refusal.message != text:
        problem.message = refusal.message
    if refusal.allowed:
        problem.allowed = refusal.allowed
    if refusal.retry_after is not None:
        problem.retryAfter = round(refusal.retry_after, 3)
    return _encode(_Failure(answer.code, text, own.data if own else None, problem))


def _text(answer: Answer, refusal: Refusal) -> str:
    if refusal.reason is Reason.UNKNOWN_MODEL and refusal.allowed:
        return f'{answer.text} Did you mean "{refusal.allowed[0]}"?'
    if refusal.elsewhere:
        return f"{answer.text}{' ' if answer.text.endswith('.') else ': '}{refusal.message}"
    missing = f"{refusal.field} is required"
    if refusal.reason is Reason.INVALID_INPUT and refusal.message.startswith(missing):
        # Clients look for the market's words; people need the field's name.
        return f"{FIELD_REQUIRED}: {refusal.field}{refusal.message.removeprefix(missing)}"
    return answer.text or refusal.message
