"""The trigger words a client may write into a prompt to rehearse failures: read before any work is done."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from souk.words import FailKind, JsonObject

TRIGGER = re.compile(r"\[souk:(fail|delay|moderated|stall)(?:=([^\]\s]*))?\]", re.IGNORECASE)
TEXT_FIELDS = ("prompt", "text")
MAX_DELAY_SECONDS = 3600.0

FAIL_KINDS: dict[str, FailKind] = {
    "400": FailKind.BAD_INPUT,
    "401": FailKind.AUTH,
    "402": FailKind.QUOTA,
    "404": FailKind.BAD_INPUT,
    "408": FailKind.TIMEOUT,
    "413": FailKind.BAD_INPUT,
    "422": FailKind.BAD_INPUT,
    "429": FailKind.RATE_LIMIT,
    "451": FailKind.INPUT_UNREACHABLE,
    "505": FailKind.UNSUPPORTED,
}
"""The compatible wire's codes in the engine's terms; any other code is an internal failure.

None is transient: the engine would run such a task again, and a rehearsed failure shall end it."""


@dataclass(frozen=True, slots=True)
class Triggers:
    """What the prompt asks the sandbox to rehearse."""

    fail: str = ""
    """The wire code to fail with; empty when the task shall succeed."""
    delay: float = 0.0
    """Seconds to wait before the work."""
    moderated: bool = False
    stall: bool = False
    """Never finish; only a cancel or the task's deadline ends it."""

    @property
    def fail_kind(self) -> FailKind:
        return FAIL_KINDS.get(self.fail, FailKind.INTERNAL)


def read_triggers(given: JsonObject) -> Triggers:
    """Read the triggers of a task's input, wherever a ``prompt`` or ``text`` stands in it."""
    fail, delay, moderated, stall = "", 0.0, False, False
    for text in _texts(given):
        for name, value in TRIGGER.findall(text):
            match str(name).lower():
                case "fail":
                    fail = str(value) or "500"
                case "delay":
                    delay += _seconds(str(value))
                case "moderated":
                    moderated = True
                case _:
                    stall = True
    return Triggers(fail, min(delay, MAX_DELAY_SECONDS), moderated, stall)


def without_triggers(text: str) -> str:
    """The text with its trigger words taken out, for captions and speech."""
    return " ".join(TRIGGER.sub(" ", text).split())


def _texts(value: Any, field: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if field in TEXT_FIELDS:
            yield value
    elif isinstance(value, dict):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType] -- plain JSON
            yield from _texts(inner, str(key))  # pyright: ignore[reportUnknownArgumentType] -- plain JSON
    elif isinstance(value, list):
        for inner in value:  # pyright: ignore[reportUnknownVariableType] -- plain JSON
            yield from _texts(inner, field)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0
