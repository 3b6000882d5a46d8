"""The words of the house: the ids, states and kinds every room uses with one meaning."""

from enum import StrEnum
from typing import Any, NewType

TaskId = NewType("TaskId", str)
"""A task's id on the wire: a UUIDv7 as 32 lower-case hex digits, so ids sort by creation time."""

AssetId = NewType("AssetId", str)
"""A stored file's id: 32 hex digits, 74 bits of them chance (links need no key, so nobody may guess one)."""

AccountId = NewType("AccountId", int)
KeyId = NewType("KeyId", int)

ModelId = NewType("ModelId", str)
"""A model's id in the catalogue, such as ``nano-banana-pro``."""

Credits = NewType("Credits", int)
"""Money, as a whole number of 0.0001 credit. The wire shows credits with two decimals."""

CREDIT = 10_000
"""How many :data:`Credits` units make one credit."""

Millis = NewType("Millis", int)
"""A moment, as milliseconds since the Unix epoch."""

HOPS_HEADER = "X-Souk-Hops"
"""How many Souks a create has passed. One that is configured as its own upstream sees the number grow."""

JsonObject = dict[str, Any]


class TaskState(StrEnum):
    """Where a task is in its life. The two last are terminal and written once."""

    WAITING = "waiting"
    """Stored; no engine has claimed it."""
    QUEUING = "queuing"
    """Claimed; waits for a slot on its connection."""
    SUBMITTING = "submitting"
    """The durable mark before the first byte of a submit leaves."""
    GENERATING = "generating"
    """Accepted upstream (or running locally)."""
    REVIEW = "review"
    """The submit's outcome is unclear; it is being looked up and never repeated."""
    STORING = "storing"
    """Upstream is done; its outputs are being copied into our storage."""
    SUCCESS = "success"
    FAIL = "fail"

    @property
    def terminal(self) -> bool:
        return self in (TaskState.SUCCESS, TaskState.FAIL)


class Mode(StrEnum):
    """Whether a task runs on the operator's connections or in the sandbox. Fixed at create."""

    LIVE = "live"
    SANDBOX = "sandbox"


class Scope(StrEnum):
    """What an API key may do."""

    USER = "user"
    ADMIN = "admin"


class FailKind(StrEnum):
    """Why a submit was refused or a task failed, in the engine's own terms."""

    BAD_INPUT = "bad_input"
    MODERATION = "moderation"
    AUTH = "auth"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    TRANSIENT = "transient"
    RETIRED = "retired"
    UNSUPPORTED = "unsupported"
    INPUT_UNREACHABLE = "input_unreachable"
    """An input file could not be fetched."""
    TIMEOUT = "timeout"
    """The task passed its deadline."""
    UNCLEAR = "unclear"
    """A submit's outcome stayed unclear until its deadline."""
    CANCELLED = "cancelled"
    INTERNAL = "internal"


def credits_from_number(value: float | int | str) -> Credits:
    """Turn a number of credits (``3.5``) into units of 0.0001 credit, rounding half up."""
    from decimal import ROUND_HALF_UP, Decimal

    return Credits(int((Decimal(str(value)) * CREDIT).to_integral_value(rounding=ROUND_HALF_UP)))


def credits_to_number(value: int) -> float:
    """Turn units of 0.0001 credit into the wire's number: credits with two decimals."""
    return round(value / CREDIT, 2)
