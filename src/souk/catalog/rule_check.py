"""Proving at start that a rule answers every input the schema allows, so that no create meets a gap."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from souk.catalog.rules import ASKING, Chars, Choice, Constant, Divide, Field, First, Gap, Rule, axis_word
from souk.words import JsonObject

Values = Callable[[str], "list[Any] | None"]
"""The values an input field may have, None among them if it may be absent; no list if they are open."""
Allowed = Callable[[JsonObject], bool]
"""Whether the schema lets these field values stand together."""

_ANYTHING = "any other value"
"""Stands for a value of an open field; only a ``*`` can cover it."""


def gaps(rule: Rule, values: Values, allowed: Allowed) -> Iterator[str]:
    """Every allowed choice of values that the rule forgot, in words."""
    match rule:
        case Constant():
            pass
        case Field(name):
            values(name)  # complains if there is no such field
        case Chars(path):
            values(path[0])
        case First() | Divide():
            for part in _parts(rule):
                yield from gaps(part, values, allowed)
        case Choice():
            yield from _missing_choices(rule, values, allowed)
            for inner in rule.rules():
                yield from gaps(inner, values, allowed)


def answers(rule: Rule, values: Values) -> Iterator[Any]:
    """Everything the rule can answer, as far as that is a closed list."""
    match rule:
        case Constant(value):
            yield value
        case Field(name):
            yield from values(name) or ()
        case First(parts):
            # An absent value goes on to the next part.
            for part in parts[:-1]:
                yield from (answer for answer in answers(part, values) if answer is not None)
            yield from answers(parts[-1], values)
        case Choice():
            for inner in rule.rules():
                yield from answers(inner, values)
        case Chars() | Divide():
            pass


def _parts(rule: First | Divide) -> tuple[Rule, ...]:
    return rule.parts if isinstance(rule, First) else (rule.over, rule.under)


def _missing_choices(rule: Choice, values: Values, allowed: Allowed) -> Iterator[str]:
    sides = [_side(axis, values) for axis in rule.axes]
    for combination in product(*sides):
        pairs = list(zip(rule.axes, combination, strict=True))
        named = {axis.rstrip(ASKING): value for axis, value in pairs}
        words = [_ANYTHING if axis.endswith("#") else axis_word(axis, named) for axis in rule.axes]
        try:
            rule.pick(words)
        except Gap:
            known = {
                axis: value
                for axis, value in pairs
                if axis[-1] not in ASKING and value is not None and value is not _ANYTHING
            }
            if allowed(known):
                yield ", ".join(f"{axis}={key}" for axis, key in zip(rule.axes, words, strict=True))


def _side(axis: str, values: Values) -> list[Any]:
    found = values(axis.rstrip(ASKING))
    if axis.endswith("?"):
        return [None, _ANYTHING]
    return [_ANYTHING] if found is None or axis.endswith("#") else found
