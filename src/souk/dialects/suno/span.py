"""Stretches of a track, named by their two ends in seconds: a rule between fields that a schema cannot express."""

from dataclasses import dataclass
from typing import Any

from souk.operations.types import Reason, Refusal
from souk.words import JsonObject


@dataclass(frozen=True, slots=True)
class Span:
    """Two fields of an input, and how far apart they may be."""

    start: str
    end: str
    shortest: int
    longest: int
    """Seconds."""

    def check(self, input: JsonObject, start: float | None = None, end: float | None = None) -> None:
        """Hold the stretch to its length, ``start`` and ``end`` being the defaults. Raises Refusal.

        What is absent or no number is left to the schema.
        """
        begins, ends = _number(input.get(self.start, start)), _number(input.get(self.end, end))
        if begins is None or ends is None or self.shortest <= ends - begins <= self.longest:
            return
        message = (
            f"{self.end} must be {self.shortest} to {self.longest} seconds after {self.start} "
            f"(it is {ends - begins:g})"
        )
        raise Refusal(Reason.INVALID_INPUT, message, field=self.end)


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
