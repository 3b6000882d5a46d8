"""The catalogue's small rule language: how prices and outputs follow from a checked input.

A rule is written in YAML as one of

* a constant: ``png``, ``8``, ``true``
* ``{field: quality}``: the value of an input field
* ``{by: quality, of: {basic: 2K, high: 4K}}``: a choice. ``by`` may list several fields, with one level
  of table for each. ``name?`` asks whether a field is given at all, ``name#`` how many items its list has.
  The key ``none`` stands for an absent value and ``*`` for every value not named.
* ``{first: [rule, rule]}``: the first that is not absent
* ``{divide: [rule, rule]}``: a quotient, such as frames over frames per second
* ``{chars: text}``: how many characters a text field holds; ``dialogue[].text`` adds up a list

Rules see the input with its defaults filled in.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from souk.catalog.plain import Unreadable, given, mapping, only, sequence, text, word
from souk.words import JsonObject

OTHERWISE = "*"
ASKING = "?#"
"""Endings of an axis that ask about a field instead of taking its value."""

ReadConstant = Callable[[Any, str], Any]
"""Checks and converts a plain value inside a rule; is told where it stands."""


class Gap(LookupError):
    """A choice has no entry for what the input says."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any

    def __call__(self, _input: JsonObject) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Field:
    name: str

    def __call__(self, input: JsonObject) -> Any:
        return input.get(self.name)


@dataclass(frozen=True, slots=True)
class Chars:
    path: tuple[str, ...]

    def __call__(self, input: JsonObject) -> int:
        return _count_chars(input, self.path)


@dataclass(frozen=True, slots=True)
class First:
    parts: "tuple[Rule, ...]"

    def __call__(self, input: JsonObject) -> Any:
        return next((value for part in self.parts if (value := part(input)) is not None), None)


@dataclass(frozen=True, slots=True)
class Divide:
    over: "Rule"
    under: "Rule"

    def __call__(self, input: JsonObject) -> float | None:
        over, under = self.over(input), self.under(input)
        return float(over) / float(under) if over is not None and under else None


@dataclass(frozen=True, slots=True)
class Choice:
    axes: tuple[str, ...]
    table: dict[str, Any]
    """Nested once for each axis; the innermost values are rules."""

    def __call__(self, input: JsonObject) -> Any:
        return self.pick([axis_word(axis, input) for axis in self.axes])(input)

    def pick(self, words: Sequence[str]) -> "Rule":
        """The rule for these table keys, one for each axis. Raises :class:`Gap`."""
        node: Any = self.table
        for axis, key in zip(self.axes, words, strict=True):
            if (found := node.get(key)) is None and (found := node.get(OTHERWISE)) is None:
                raise Gap(f"{axis}={key}")
            node = found
        return node

    def rules(self) -> "Iterator[Rule]":
        """The innermost rules of the table."""
        level: list[Any] = [self.table]
        for _ in self.axes:
            level = [value for table in level for value in table.values()]
        yield from level


Rule = Constant | Field | Chars | First | Divide | Choice


def axis_word(axis: str, input: JsonObject) -> str:
    """What an input says on one axis of a choice, as a table key."""
    value = input.get(axis.rstrip(ASKING))
    if axis.endswith("?"):
        return word(given(value))
    if axis.endswith("#"):
        return word(len(cast(list[Any], value)) if isinstance(value, list) else 0)
    return word(value)


def is_rule(data: JsonObject) -> bool:
    """Whether a mapping is a rule rather than plain data."""
    return not data.keys().isdisjoint({"field", "by", "first", "divide", "chars"})


def read_rule(data: Any, where: str, constant: ReadConstant | None = None) -> Rule:
    """Turn a rule as written into one that can be asked. Raises :class:`Unreadable`."""
    if not isinstance(data, dict) or not is_rule(rule := mapping(cast(Any, data), where)):
        return Constant(constant(data, where) if constant else data)
    if "by" in rule:
        return _read_choice(rule, where, constant)
    if len(rule) != 1:
        raise Unreadable(f"{where} mixes {' and '.join(rule)}; a rule is one of them")
    kind, value = next(iter(rule.items()))
    if kind == "field":
        return Field(text(value, f"{where}.field"))
    if kind == "chars":
        return Chars(tuple(text(value, f"{where}.chars").split("[].")))
    parts = tuple(read_rule(part, f"{where}.{kind}", constant) for part in sequence(value, f"{where}.{kind}"))
    if kind == "divide" and len(parts) == 2:
        return Divide(*parts)
    if kind == "first" and parts:
        return First(parts)
    raise Unreadable(f"{where}.{kind} needs {'two rules' if kind == 'divide' else 'at least one rule'}")


def _read_choice(rule: JsonObject, where: str, constant: ReadConstant | None) -> Choice:
    only(rule, ("by", "of"), where)
    by = rule["by"]
    named = sequence(by, f"{where}.by") if isinstance(by, list) else [by]
    axes = tuple(text(axis, f"{where}.by") for axis in named)
    return Choice(axes, _read_table(rule.get("of"), f"{where}.of", len(axes), constant))


def _read_table(data: Any, where: str, depth: int, constant: ReadConstant | None) -> dict[str, Any]:
    if depth == 0 or not mapping(data, where):
        raise Unreadable(f"{where} is empty")
    found: dict[str, Any] = {}
    for key, value in mapping(data, where).items():
        inner = f"{where}.{word(key)}"
        found[word(key)] = (
            read_rule(value, inner, constant)
            if depth == 1
            else _read_table(value, inner, depth - 1, constant)
        )
    return found


def _count_chars(value: Any, path: Sequence[str]) -> int:
    if isinstance(value, list):
        return sum(_count_chars(item, path) for item in cast(list[Any], value))
    if isinstance(value, dict) and path:
        return _count_chars(cast(JsonObject, value).get(path[0]), path[1:])
    return len(value) if isinstance(value, str) and not path else 0
