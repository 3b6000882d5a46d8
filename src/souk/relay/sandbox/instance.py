"""Made-up values that fit a JSON Schema: the arguments of tool calls and structured answers of the sandbox.

The schema is a client's, so the work is counted: one that unfolds without end is given up, not followed.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, cast

from souk.relay.sandbox.scalar import made_number, made_text
from souk.relay.sandbox.schema import (
    LONGEST_SCHEMA,
    NoInstance,
    Steps,
    TooLarge,
    as_object,
    joined,
    target_of,
    types_of,
)
from souk.relay.sandbox.tokens import written
from souk.words import JsonObject

DEEPEST: Final = 24
"""Levels of lists and objects in a value."""
PATTERN_STEPS: Final = 100
"""What a text that matches a pattern counts as."""
FILLED_LEVELS: Final = 3
"""Lists above this level get an item though none is asked for; deeper ones stay as short as they may be."""

MALFORMED: Final = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
"""What comes of words that have values of the wrong kind. They are looked at where they are used, not before."""
_TYPE_BY_WORD: Final = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "minProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "minimum": "number",
    "maximum": "number",
    "multipleOf": "number",
}
"""What a schema without a type is about, by a word that only that type has."""


def instance_of(schema: JsonObject, chance: Random, steps: Steps | None = None) -> Any:
    """A small value that fits the schema (JSON Schema, or the dialect of it in Gemini's API). Raises NoInstance.

    Optional fields are left out, unless all are optional. ``steps`` is shared by the values of one request.
    """
    if len(written(schema)) > LONGEST_SCHEMA:
        raise TooLarge(f"the schema is longer than {LONGEST_SCHEMA} letters")
    try:
        return _Maker(schema, chance, steps or Steps()).make(schema, "", 0)
    except NoInstance:
        raise
    except MALFORMED as error:
        raise NoInstance("the schema is malformed") from error


class _Maker:
    def __init__(self, root: JsonObject, chance: Random, steps: Steps) -> None:
        self._root = root
        self._chance = chance
        self._spend = steps.spend

    def make(self, schema: Any, name: str, depth: int) -> Any:
        """A value for the schema at this level; ``name`` is the property it is for."""
        asked = as_object(schema)
        self._spend(1 + len(asked.get("properties") or ()))
        if depth > DEEPEST:
            raise NoInstance("the schema nests too deep")
        if "$ref" in asked:
            return self.make(
                joined(_without(asked, "$ref"), target_of(asked["$ref"], self._root)), name, depth
            )
        for word in ("anyOf", "oneOf"):
            if asked.get(word):
                return self._any(_without(asked, word), asked[word], name, depth)
        if "if" in asked:
            plain = _without(asked, "if", "then", "else")
            return self.make(joined(joined(plain, asked["if"]), asked.get("then", True)), name, depth)
        if asked.get("allOf"):
            first, *rest = cast(list[Any], asked["allOf"])
            return self.make(joined({**asked, "allOf": rest}, first), name, depth)
        return self._plain(asked, name, depth)

    def _any(self, rest: JsonObject, options: Sequence[Any], name: str, depth: int) -> Any:
        """The first option that something fits: null last, but first where the value is deep enough already."""
        deep = depth > FILLED_LEVELS
        for option in sorted(
            options, key=lambda option: (types_of(as_object(option or {})) == ["null"]) != deep
        ):
            try:
                return self.make(joined(rest, option), name, depth)
            except TooLarge:
                raise
            except NoInstance:
                continue
        raise NoInstance(f"no option of {name or 'the schema'} can be made up")

    def _plain(self, asked: JsonObject, name: str, depth: int) -> Any:
        if "const" in asked:
            return asked["const"]
        if "enum" in asked:
            values = cast(list[Any], asked["enum"])
            if not values:
                raise NoInstance(f"{name or 'the schema'} allows no value")
            return self._chance.choice(values)
        match _kind(asked):
            case "object":
                return self._object(asked, depth)
            case "array":
                return self._array(asked, name, depth)
            case "integer" | "number" as kind:
                return made_number(asked, kind == "integer", self._chance)
            case "boolean":
                return self._chance.random() < 0.5
            case "null":
                return None
            case _:
                self._spend(PATTERN_STEPS if "pattern" in asked else 1)
                return made_text(asked, name, self._chance)

    def _object(self, asked: JsonObject, depth: int) -> JsonObject:
        properties = cast(JsonObject, asked.get("properties") or {})
        needed = self._needed(asked)
        least = int(asked.get("minProperties") or 0)
        if not needed and depth == 0 and least <= len(properties):
            return self._all_optional(properties, depth)
        extra = set([name for name in properties if name not in needed][: max(0, least - len(needed))])
        names = [name for name in properties if name in needed or name in extra]
        names += [name for name in needed if name not in properties]
        if len(names) < least:
            self._spend(least)
            names += [f"field_{number}" for number in range(1, least - len(names) + 1)]
        return {name: self.make(_schema_of(name, asked), name, depth + 1) for name in names}

    def _needed(self, asked: JsonObject) -> Mapping[str, None]:
        """The names that must be there, with those that follow from others."""
        also = cast(dict[str, list[str]], asked.get("dependentRequired") or {})
        needed: dict[str, None] = {}
        waiting = [str(name) for name in asked.get("required") or ()]
        for name in waiting:  # it grows on the way
            if name not in needed:
                needed[name] = None
                waiting += also.get(name, ())
        return needed

    def _all_optional(self, properties: JsonObject, depth: int) -> JsonObject:
        made: JsonObject = {}
        for name, schema in properties.items():
            try:
                made[name] = self.make(schema, name, depth + 1)
            except TooLarge:
                raise
            except NoInstance:
                continue
        return made

    def _array(self, asked: JsonObject, name: str, depth: int) -> list[Any]:
        leading = cast(list[Any], asked.get("prefixItems") or [])
        least, most = int(asked.get("minItems") or 0), asked.get("maxItems")
        if depth < FILLED_LEVELS and asked.get("items"):
            least = max(least, 1)
        if most is not None:
            least = min(least, int(most))
        self._spend(least)
        wanted = leading[: least if most is not None else None]
        if "contains" in asked:
            times = int(asked.get("minContains", 1))
            self._spend(times)
            wanted = [*wanted, *[asked["contains"]] * times]
        wanted += [asked.get("items", True)] * (least - len(wanted))
        made: list[Any] = []
        for schema in wanted:
            made.append(self._another(schema, made if asked.get("uniqueItems") else [], name, depth))
        return made

    def _another(self, schema: Any, taken: list[Any], name: str, depth: int) -> Any:
        """A value that is not among those taken; a few tries, numbered names, then whatever there is."""
        self._spend(len(taken))
        value = self.make(schema, name, depth + 1)
        for number in range(2, 12):
            if value not in taken:
                break
            value = self.make(schema, f"{name} {number + len(taken)}", depth + 1)
        if value in taken:
            raise NoInstance(f"{name or 'the list'} needs more different items than can be made up")
        return value


def _kind(asked: JsonObject) -> str:
    named = types_of(asked)
    if named:
        return next((name for name in named if name != "null"), "null")
    return next((kind for word, kind in _TYPE_BY_WORD.items() if word in asked), "string")


def _schema_of(name: str, asked: JsonObject) -> Any:
    properties = cast(JsonObject, asked.get("properties") or {})
    return properties[name] if name in properties else asked.get("additionalProperties", True)


def _without(schema: JsonObject, *words: str) -> JsonObject:
    return {name: value for name, value in schema.items() if name not in words}
