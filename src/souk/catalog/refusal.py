"""Refusing an input at create: turns what the schema says into one sentence for the person who must act."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, cast

from jsonschema_rs import ValidationError

from souk.catalog.plain import word
from souk.catalog.sizes import parse_ratio
from souk.words import JsonObject

WHY = "x-why"
"""Schema keyword: the sentence to answer with when this part of the schema refuses."""

_SHOWN = 80
"""Characters of a client's value that a message repeats."""

_HUGE = 1e15
"""Numbers from here on are not compared by size."""

_REASONS = {
    "required": "required",
    "type": "type",
    "enum": "value",
    "const": "value",
    "pattern": "format",
    "format": "format",
    "minimum": "range",
    "maximum": "range",
    "exclusiveMinimum": "range",
    "exclusiveMaximum": "range",
    "multipleOf": "range",
    "minLength": "length",
    "maxLength": "length",
    "minItems": "items",
    "maxItems": "items",
}


class InputRefused(ValueError):
    """The input does not fit the model. Retrying the same input does not help."""

    def __init__(self, field: str, reason: str, message: str, allowed: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.field = field
        """Path of the field, such as ``shots[1].duration``; empty if no single field is at fault."""
        self.reason = reason
        """``required``, ``type``, ``value``, ``range``, ``length``, ``items``, ``format``, ``combination``, or
        ``text`` for one that cannot be stored.
        """
        self.allowed = allowed
        """The values that would do, if they can be listed."""
        self.message = message


def refusal(errors: Iterable[ValidationError], schema: JsonObject, unknown: Sequence[str]) -> InputRefused:
    """The one refusal to answer with. ``unknown`` are the input's fields that the model does not have."""
    error = min(errors, key=_urgency)
    kind, facts = error.kind.name, error.kind.as_dict()
    field = path_text(error.instance_path)
    reason = _REASONS.get(kind, "combination")
    why = _written_reason(error.schema_path, schema)
    if kind == "required":
        missing = str(facts["property"])
        field = f"{field}.{missing}" if field else missing
        message = f"{field} is required" + (f": {why}" if why else _hint(missing, unknown))
    elif why:
        reason, message = "combination", why if field in why else f"{field}: {why}"
    else:
        message = f"{field or 'input'} {_demand(kind, facts, error.instance)}"
    allowed: Sequence[Any] = facts["options"] if kind == "enum" else ()
    return InputRefused(field, reason, message, allowed)


def path_text(path: Iterable[str | int]) -> str:
    """A path into an input, written as ``shots[1].duration``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _urgency(error: ValidationError) -> tuple[bool, bool]:
    # A missing or misshapen field explains more than the cross-field rule it also breaks.
    return len(error.schema_path) > 1 and error.schema_path[0] == "allOf", error.kind.name != "required"


def _written_reason(path: Sequence[str | int], schema: JsonObject) -> str:
    node: Any = schema
    found = ""
    for part in path:
        node = _inside(node, part)
        if isinstance(node, dict):
            found = str(cast(JsonObject, node).get(WHY) or found)
    return found


def _inside(node: Any, part: str | int) -> Any:
    return node[part]


def _hint(missing: str, unknown: Sequence[str]) -> str:
    near = get_close_matches(missing, unknown, 1, 0.6)
    return f"; {near[0]!r} is not a field of this model, did you mean {missing!r}?" if near else ""


def _demand(kind: str, facts: JsonObject, value: Any) -> str:
    limit = facts.get("limit")
    match kind:
        case "enum":
            return _listed(facts["options"], value)
        case "const":
            return f"must be {word(facts['expected_value'])} (got {_shown(value)})"
        case "type":
            return f"must be {' or '.join(map(_article, facts['types']))} (got {_shown(value)})"
        case "format":
            return f"must be the http or https address of a file (got {_shown(value)})"
        case "pattern":
            return f"must match {facts['pattern']} (got {_shown(value)})"
        case "minimum":
            return f"must be at least {word(limit)} (got {_shown(value)})"
        case "maximum":
            return f"must be at most {word(limit)} (got {_shown(value)})"
        case "multipleOf":
            return f"must be a multiple of {word(facts['multiple_of'])} (got {_shown(value)})"
        case "minLength":
            return "must not be empty" if limit == 1 else f"must have at least {limit} characters"
        case "maxLength":
            return f"must have at most {limit} characters (got {len(value)})"
        case "minItems":
            return f"must have at least {limit} item{'s' * (limit != 1)}"
        case "maxItems":
            return f"must have at most {limit} item{'s' * (limit != 1)} (got {len(value)})"
        case "falseSchema":
            return "cannot be given together with the other fields"
        case _:
            return "does not fit this model's schema"


def _listed(options: Sequence[Any], value: Any) -> str:
    near = nearest(value, options)
    hint = f"; nearest is {word(near)}" if near is not None else ""
    return f"must be one of {', '.join(map(word, options))} (got {_shown(value)}{hint})"


def nearest(value: Any, options: Sequence[Any]) -> Any | None:
    """The allowed value most like ``value``: by size for numbers and ratios, else by spelling."""
    measured = [(size, option) for option in options if (size := _size(option)) is not None]
    wanted = _size(value)
    if wanted is not None and measured:
        return min(measured, key=lambda pair: abs(pair[0] - wanted))[1]
    by_spelling = {word(option).lower(): option for option in options}
    near = get_close_matches(word(value).lower(), by_spelling, 1)
    return by_spelling[near[0]] if near else None


def _size(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < _HUGE else None
    if isinstance(value, str) and re.fullmatch(r"\d{1,6}:[1-9]\d{0,5}", value):
        return parse_ratio(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", value):
        return float(value)
    return None


def _article(name: str) -> str:
    return {"array": "a list", "object": "an object", "integer": "a whole number", "string": "a text"}.get(
        name, f"a {name}"
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:_SHOWN]}…"' if len(value) > _SHOWN else f'"{value}"'
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return word(value)[:_SHOWN] if value is not None else "null"
