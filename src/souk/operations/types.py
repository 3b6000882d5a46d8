"""What crosses the wall between the ways in (dialects, CLI) and the operations behind them."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from souk.words import AccountId, Credits, JsonObject, KeyId, Mode, Scope, TaskId


class Reason(StrEnum):
    """Why an operation was refused. Each dialect gives it its own code and text."""

    UNAUTHORIZED = "unauthorized"
    IP_DENIED = "ip_denied"
    FORBIDDEN = "forbidden"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    KEY_CAP = "key_cap"
    RATE_LIMITED = "rate_limited"
    QUEUE_FULL = "queue_full"
    BUSY = "busy"
    UNKNOWN_MODEL = "unknown_model"
    MODEL_PAUSED = "model_paused"
    NO_ROUTE = "no_route"
    INVALID_INPUT = "invalid_input"
    UNKNOWN_PARENT = "unknown_parent"
    BLOCKED_ADDRESS = "blocked_address"
    UNKNOWN_TASK = "unknown_task"
    UNKNOWN_FILE = "unknown_file"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    LOOP = "loop"
    CONFLICT = "conflict"


class Refusal(Exception):
    """An operation was refused and changed nothing. The message says what to do."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        field: str | None = None,
        retry_after: float | None = None,
        allowed: list[Any] | None = None,
        elsewhere: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.allowed = allowed
        self.elsewhere = elsewhere
        """The message names the call that does it: a wire with words of its own says it after them."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without a change."""
        return self.reason in (Reason.RATE_LIMITED, Reason.QUEUE_FULL, Reason.BUSY)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an authenticated key, or the operator at the command line."""

    account_id: AccountId
    key_id: KeyId
    mode: Mode
    """The key's mode. While no connection is configured, live keys' tasks run in the sandbox too."""
    scope: Scope = Scope.USER
    name: str = ""
    """How logs and the audit record call this caller; never a secret."""
    segment: str = ""
    """The random part of the account's file links."""
    max_waiting: int | None = None
    """Unfinished tasks the account may have; None = the setting."""
    rate_creates: int | None = None
    """Creates the account may make per 10 seconds; None = the setting."""
    hops: int = 0
    """How many Souks this call has passed on its way here."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A task someone wants to create, as a dialect understood it."""

    model: str
    input: JsonObject
    dialect: str
    """Which dialect renders this task's record and callback."""
    callback_url: str | None = None
    progress_url: str | None = None
    client_task_id: str | None = None
    idempotency_key: str | None = None
    operation: str = "jobs.createTask"
    """Scope of the idempotency key."""
    once: str = ""
    """What there is only one result of, as :mod:`souk.operations.once` writes it; empty where tasks may repeat."""
    warnings: tuple[str, ...] = ()
    """What the dialect passed over; the record repeats it."""
    filled: frozenset[str] = frozenset()
    """Fields of the input that the dialect filled in; the caller did not ask for them."""

    def with_filled(self, **fields: Any) -> "Draft":
        """The draft with fields that its caller did not give."""
        return replace(self, input=self.input | fields, filled=self.filled | fields.keys())


@dataclass(frozen=True, slots=True)
class Created:
    """A create that was committed: the task exists whatever happens next."""

    task_id: TaskId
    hold: Credits
    mode: Mode
    warnings: list[str] = field(default_factory=list[str])
    replayed: bool = False
    """True when an idempotency key had already created this task."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a create would hold, without creating anything."""

    model: str
    hold: Credits
    estimated: bool
    """True when the model's price is only an estimate."""
    mode: Mode
    warnings: list[str] = field(default_factory=list[str])


class CancelAnswer(StrEnum):
    CANCELLED = "cancelled"
    REQUESTED = "requested"
    """The engine that runs the task will act on it; follow the record."""
    TOO_LATE = "too_late"
