"""Made-up numbers and texts within the bounds a JSON Schema sets."""

import math
from random import Random
from typing import Any, Final

from souk.relay.sandbox.pattern import NoText, text_matching
from souk.relay.sandbox.schema import NoInstance
from souk.words import JsonObject

LONGEST_TEXT: Final = 10_000
"""Characters of a text at most; a schema that asks for more has no made-up value."""
USUAL_SPAN: Final = 100
"""How far above its lower bound (or 0) a number without an upper one is looked for."""

FORMATS: Final = {
    "date-time": "2026-01-15T12:00:00Z",
    "date": "2026-01-15",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "sandbox@example.com",
    "idn-email": "sandbox@example.com",
    "hostname": "sandbox.example.com",
    "idn-hostname": "sandbox.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://sandbox.example.com/",
    "url": "https://sandbox.example.com/",
    "iri": "https://sandbox.example.com/",
    "uri-reference": "/sandbox",
    "iri-reference": "/sandbox",
    "uri-template": "https://sandbox.example.com/{id}",
    "uuid": "01a20f3c-0a91-7e2d-84a5-c1390d4e8b27",
    "json-pointer": "/sandbox",
    "relative-json-pointer": "1/sandbox",
    "regex": "^sandbox$",
    "byte": "c2FuZGJveA==",
}
"""A text of each format (JSON Schema 2020-12, validation, 7.3), with names and addresses kept for examples."""


def made_text(asked: JsonObject, name: str, chance: Random) -> str:
    """A text for a string schema; ``name`` is the property it is for. Raises NoInstance."""
    least, most = int(asked.get("minLength") or 0), asked.get("maxLength")
    if least > LONGEST_TEXT or (most is not None and least > most):
        raise NoInstance(f"{name or 'a text'} cannot be {least} characters long")
    pattern = asked.get("pattern")
    if isinstance(pattern, str):
        return _matching(pattern, least, name, chance)
    fixed = FORMATS.get(str(asked.get("format")))
    if fixed is not None:
        return fixed
    text = f"sandbox {name.replace('_', ' ')}".strip()
    text += " sandbox" * math.ceil(max(0, least - len(text)) / len(" sandbox"))
    return text if most is None else text[: max(int(most), 0)]


def _matching(pattern: str, least: int, name: str, chance: Random) -> str:
    try:
        text = text_matching(pattern, chance)
    except NoText as error:
        raise NoInstance(f"no text for the pattern of {name or 'a text'}: {error}") from None
    # What follows a match is only free where nothing anchors its end.
    return text if pattern.endswith("$") or not text else text + text[-1] * (least - len(text))


def made_number(asked: JsonObject, whole: bool, chance: Random) -> int | float:
    """A number for a numeric schema, a whole one where that is possible. Raises NoInstance."""
    low, low_open = _bound(asked, "minimum", "exclusiveMinimum", max)
    high, high_open = _bound(asked, "maximum", "exclusiveMaximum", min)
    step = asked.get("multipleOf")
    if isinstance(step, int | float) and step > 0:
        return _multiple(step, low, low_open, high, high_open, whole)
    least, most = _whole_bounds(low, low_open, high, high_open)
    if least <= most:
        return chance.randint(least, most)
    if whole or low > high or (low == high and (low_open or high_open)):
        raise NoInstance("no number lies between the bounds")
    return (low + high) / 2


def _whole_bounds(low: float, low_open: bool, high: float, high_open: bool) -> tuple[int, int]:
    """The whole numbers to choose among: from the first to the last; none if the first is past the last."""
    most = None if math.isinf(high) else math.ceil(high) - 1 if high_open else math.floor(high)
    if not math.isinf(low):
        least = math.floor(low) + 1 if low_open else math.ceil(low)
    else:
        least = 1 if most is None or most >= 1 else most - USUAL_SPAN
    return least, least + USUAL_SPAN if most is None else most


def _multiple(
    step: float, low: float, low_open: bool, high: float, high_open: bool, whole: bool
) -> int | float:
    first = 1 if math.isinf(low) else math.ceil(low / step)
    if math.isinf(low) and first * step > high:
        first = math.floor(high / step)
    for times in range(first, first + USUAL_SPAN):
        value = times * step
        above = value > low or (value == low and not low_open)
        below = value < high or (value == high and not high_open)
        if above and below and (not whole or float(value).is_integer()):
            return int(value) if float(value).is_integer() else value
    raise NoInstance("no multiple lies between the bounds")


def _bound(asked: JsonObject, word: str, exclusive: str, tighter: Any) -> tuple[float, bool]:
    """A bound and whether it is itself out of reach. Drafts before 6 give the second as true or false."""
    none = -math.inf if tighter is max else math.inf
    closed, opened = asked.get(word), asked.get(exclusive)
    if isinstance(opened, bool):
        return (none, False) if closed is None else (closed, opened)
    bound = tighter(none if closed is None else closed, none if opened is None else opened)
    return bound, opened is not None and opened == bound and closed != bound
