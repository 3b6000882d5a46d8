"""The numeric code a failed task carries on the wire, from the engine's own kind of failure."""

from typing import Final

from souk.words import FailKind

GENERATION_FAILED: Final = 501

FAIL_CODES: Final[dict[FailKind, int]] = {
    FailKind.BAD_INPUT: 422,
    FailKind.UNSUPPORTED: 422,
    FailKind.MODERATION: 400,  # the wire's code for a refusal by policy
    FailKind.INPUT_UNREACHABLE: 451,
    FailKind.TIMEOUT: 408,
    FailKind.UNCLEAR: 408,
    FailKind.RATE_LIMIT: 429,
    FailKind.QUOTA: 429,
    FailKind.RETIRED: 505,
    FailKind.AUTH: 500,  # the operator's key, so nothing the client could mend
    FailKind.INTERNAL: 500,
    FailKind.TRANSIENT: GENERATION_FAILED,
    FailKind.CANCELLED: GENERATION_FAILED,  # the wire has no code for it; `error.code` tells
}


def fail_code(kind: str | None, given: int | None) -> int:
    """The code of a failure: the one it came with, else the one its kind stands for."""
    if given is not None:
        return given
    return FAIL_CODES[FailKind(kind)] if kind in FAIL_CODES else GENERATION_FAILED
