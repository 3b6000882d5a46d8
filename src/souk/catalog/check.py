"""Checking an input at create: is it what the model's schema asks for, and what in it means nothing here.

The common case, a valid input, costs a few microseconds; everything else may take its time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from jsonschema_rs import Draft202012Validator

from souk.catalog.coerce import shape_of
from souk.catalog.refusal import InputRefused, refusal
from souk.words import JsonObject

MAX_DEPTH = 16
"""Levels of lists and objects an input may have; no model needs more than four."""
MAX_WARNINGS = 20

_ADDRESS = re.compile(r"(https?|oss|asset)://[^\s/?#]|data:[a-z]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CheckedInput:
    """An input that fits its model."""

    input: JsonObject
    """As sent, with types repaired; defaults are not filled in."""
    warnings: tuple[str, ...]
    """What was passed over, for the client to read."""


class InputChecker:
    """A model's input schema, ready to check with."""

    def __init__(self, schema: JsonObject) -> None:
        self._schema = schema
        self._fields = frozenset(cast(Mapping[str, Any], schema.get("properties", {})))
        self._validator = Draft202012Validator(schema, validate_formats=True, formats={"uri": _is_address})
        self._valid = self._validator.is_valid
        self._shape = shape_of(schema)

    def __call__(self, input: JsonObject) -> CheckedInput:
        """The input, repaired where the wire allows it. Raises :class:`InputRefused`."""
        _refuse_unstorable(input)
        if not self._valid(input):
            input = self._repaired(input)
        if input.keys() <= self._fields:
            return CheckedInput(input, ())
        return CheckedInput(input, self._warnings(input))

    def allows(self, part: JsonObject) -> bool:
        """Whether these values can stand together in some input; missing fields do not count."""
        return all(
            error.kind.name in ("required", "anyOf", "oneOf") for error in self._validator.iter_errors(part)
        )

    def _repaired(self, input: JsonObject) -> JsonObject:
        repaired = cast(JsonObject, self._shape.coerce(input))
        if not self._valid(repaired):
            unknown = [name for name in input if name not in self._fields]
            raise refusal(self._validator.iter_errors(repaired), self._schema, unknown)
        return repaired

    def _warnings(self, input: JsonObject) -> tuple[str, ...]:
        unknown = [name for name in input if name not in self._fields]
        return tuple(self._warning(name) for name in unknown[:MAX_WARNINGS])

    def _warning(self, name: str) -> str:
        near = get_close_matches(name, self._fields, 1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        return f"`{name[:64]}` is not a field of this model and was passed over{hint}"


def _is_address(value: str) -> bool:
    return _ADDRESS.match(value) is not None


def _refuse_unstorable(input: JsonObject) -> None:
    """Refuse what a database cannot keep: NUL characters, halves of characters, and nesting without end."""
    for name, value in input.items():
        if isinstance(value, str):
            if "\0" in value or not _is_whole(value):
                raise _unstorable(name)
        elif isinstance(value, list | dict):
            _refuse_unstorable_inside(name, value, MAX_DEPTH)
        if "\0" in name or not _is_whole(name):
            raise _unstorable(ascii(name)[1:-1])


def _refuse_unstorable_inside(field: str, value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value or not _is_whole(value):
            raise _unstorable(field)
        return
    if not isinstance(value, list | dict):
        return
    if depth == 0:
        raise InputRefused(field, "text", f"{field} is nested more than {MAX_DEPTH} levels deep")
    inner = cast(list[Any] | JsonObject, value)
    if isinstance(inner, dict):
        for key in inner:
            _refuse_unstorable_inside(field, key, depth - 1)
    for item in inner.values() if isinstance(inner, dict) else inner:
        _refuse_unstorable_inside(field, item, depth - 1)


def _is_whole(value: str) -> bool:
    """Whether a text has no lone surrogate, half of an escaped character, which UTF-8 cannot express."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unstorable(field: str) -> InputRefused:
    message = f"{field} holds a character that cannot be stored (\\u0000 or a lone surrogate); remove it"
    return InputRefused(field, "text", message)
