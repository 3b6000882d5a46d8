"""The catalogue's small rule language: how prices and outputs follow from a checked input.

A rule is written in YAML as one of

* a constant: ``png``, ``8``, ``true``
* ``{field: quality}``: the value of an input field
* ``{by: quality, of: {basic: 2K, high: 4K}}``: a choice. ``by`` may list several fields, with one level of table
  for each. ``name?`` asks whether a field is given at all. The key ``none`` stands for an absent
  value and ``*`` for every value not named.
* ``{first: [rule, rule]}``: the first that is not absent
* ``{divide: [rule, rule]}``: a quotient, such as frames over frames per second
* ``{chars: text}``: how many characters a text field holds; ``dialogue[].text`` adds up a list

Rules see the input with its defaults filled in.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from souk.catalog.plain import Unreadable, given, mapping, only, sequence, text, word
from souk.words import JsonObject

OTHERWISE = "*"
Values = Callable[[str], "list[Any] | None"]
"""The values an input field may have, ``None`` among them if it may be absent; no list if they are open."""
Allowed = Callable[[JsonObject], bool]
"""Whether the schema lets these field values stand together."""


class Gap(LookupError):
    """A choice has no entry for what the input says."""


class Rule(Protocol):
    """One node of a rule."""

    def __call__(self, input: JsonObject) -> Any:
        """What follows from this input."""
        ...

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        """Every allowed choice of values that the rule forgot, in words."""
        ...

    def leaves(self, values: Values) -> Iterator[Any]:
        """Everything the rule can answer, as far as that is closed."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any

    def __call__(self, input: JsonObject) -> Any:
        return self.value

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        yield from ()

    def leaves(self, values: Values) -> Iterator[Any]:
        yield self.value


@dataclass(frozen=True, slots=True)
class Field:
    name: str

    def __call__(self, input: JsonObject) -> Any:
        return input.get(self.name)

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        values(self.name)  # raises if the schema has no such field
        yield from ()

    def leaves(self, values: Values) -> Iterator[Any]:
        yield from values(self.name) or ()


@dataclass(frozen=True, slots=True)
class Chars:
    path: tuple[str, ...]

    def __call__(self, input: JsonObject) -> int:
        return _count_chars(input, self.path)

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        values(self.path[0])
        yield from ()

    def leaves(self, values: Values) -> Iterator[Any]:
        yield from ()


@dataclass(frozen=True, slots=True)
class First:
    parts: Sequence[Rule]

    def __call__(self, input: JsonObject) -> Any:
        return next((value for part in self.parts if (value := part(input)) is not None), None)

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        for part in self.parts:
            yield from part.gaps(values, allowed)

    def leaves(self, values: Values) -> Iterator[Any]:
        found = [leaf for part in self.parts for leaf in part.leaves(values)]
        closed = isinstance(self.parts[-1], Constant)
        yield from (leaf for leaf in found if leaf is not None or not closed)


@dataclass(frozen=True, slots=True)
class Divide:
    over: Rule
    under: Rule

    def __call__(self, input: JsonObject) -> float | None:
        over, under = self.over(input), self.under(input)
        return float(over) / float(under) if over is not None and under else None

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        yield from self.over.gaps(values, allowed)
        yield from self.under.gaps(values, allowed)

    def leaves(self, values: Values) -> Iterator[Any]:
        yield from ()


@dataclass(frozen=True, slots=True)
class Choice:
    axes: tuple[str, ...]
    table: dict[str, Any]
    """Nested once for each axis; the innermost values are rules."""

    def __call__(self, input: JsonObject) -> Any:
        return self._pick([axis_word(axis, input) for axis in self.axes])(input)

    def _pick(self, words: Sequence[str]) -> Rule:
        node: Any = self.table
        for axis, key in zip(self.axes, words, strict=True):
            if (found := node.get(key)) is None and (found := node.get(OTHERWISE)) is None:
                raise Gap(f"{axis}={key}")
            node = found
        return node

    def gaps(self, values: Values, allowed: Allowed) -> Iterator[str]:
        sides = [[None, "given"] if axis.endswith("?") else values(axis) for axis in self.axes]
        # An open field can say anything, so only a default can cover it.
        for combination in product(*(["\0any other value"] if side is None else side for side in sides)):
            known = {
                axis: value
                for axis, value in zip(self.axes, combination, strict=True)
                if value is not None and axis[-1] != "?" and value != "\0any other value"
            }
            named = {axis.rstrip("?"): value for axis, value in zip(self.axes, combination, strict=True)}
            try:
                self._pick([axis_word(axis, named) for axis in self.axes])
            except Gap:
                if allowed(known):
                    yield ", ".join(f"{axis}={axis_word(axis, named)}".replace("\0", "") for axis in self.axes)
        for rule in _innermost(self.table, len(self.axes)):
            yield from rule.gaps(values, allowed)

    def leaves(self, values: Values) -> Iterator[Any]:
        for rule in _innermost(self.table, len(self.axes)):
            yield from rule.leaves(values)


def axis_word(axis: str, input: JsonObject) -> str:
    """What an input says on one axis of a choice, as a table key."""
    if axis.endswith("?"):
        return word(given(input.get(axis[:-1])))
    return word(input.get(axis))


def read_rule(data: Any, where: str, constant: Callable[[Any, str], Any] | None = None) -> Rule:
    """Turn a rule as written into one that can be asked. ``constant`` checks and converts plain values."""
    if not isinstance(data, dict) or not data.keys() & {"field", "by", "first", "divide", "chars"}:
        return Constant(constant(data, where) if constant else data)
    rule = mapping(data, where)
    if "by" in rule:
        only(rule, ("by", "of"), where)
        by = rule["by"]
        axes = tuple(text(axis, f"{where}.by") for axis in (sequence(by, where) if isinstance(by, list) else [by]))
        return Choice(axes, _read_table(rule.get("of"), f"{where}.of", len(axes), constant))
    if len(rule) != 1:
        raise Unreadable(f"{where} mixes {' and '.join(rule)}; a rule is one of them")
    if "field" in rule:
        return Field(text(rule["field"], f"{where}.field"))
    if "chars" in rule:
        return Chars(tuple(text(rule["chars"], f"{where}.chars").split("[].")))
    kind, listed = next(iter(rule.items()))
    parts = [read_rule(part, f"{where}.{kind}", constant) for part in sequence(listed, f"{where}.{kind}")]
    if kind == "divide":
        if len(parts) != 2:
            raise Unreadable(f"{where}.divide takes two rules")
        return Divide(parts[0], parts[1])
    if not parts:
        raise Unreadable(f"{where}.first is empty")
    return First(parts)


def _read_table(
    data: Any, where: str, depth: int, constant: Callable[[Any, str], Any] | None
) -> dict[str, Any]:
    table = mapping(data, where)
    if not table:
        raise Unreadable(f"{where} is empty")
    if depth == 1:
        return {word(key): read_rule(value, f"{where}.{word(key)}", constant) for key, value in table.items()}
    return {
        word(key): _read_table(value, f"{where}.{word(key)}", depth - 1, constant)
        for key, value in table.items()
    }


def _innermost(table: dict[str, Any], depth: int) -> Iterator[Rule]:
    for value in table.values():
        if depth == 1:
            yield value
        else:
            yield from _innermost(value, depth - 1)


def _count_chars(value: Any, path: Sequence[str]) -> int:
    if not path:
        return len(value) if isinstance(value, str) else 0
    inner = value.get(path[0]) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any JSON
    if isinstance(inner, list) and len(path) > 1:
        return sum(_count_chars(item, path[1:]) for item in inner)  # pyright: ignore[reportUnknownVariableType] - any JSON
    return _count_chars(inner, path[1:])
