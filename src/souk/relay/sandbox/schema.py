"""JSON Schemas made plain: local references followed, parts joined, so that one object says all that is asked."""

from collections.abc import Mapping
from typing import Any, Final, cast

from souk.relay.sandbox.tokens import written
from souk.words import JsonObject

MOST_STEPS: Final = 20_000
"""Schemas looked at, properties joined and items made for one request."""
LONGEST_SCHEMA: Final = 256 * 1024
"""Letters of a schema as JSON."""
COMPOSED: Final = ("$ref", "anyOf", "oneOf", "if")
"""What has to be worked out before a schema is plain; two of a kind wait for each other in ``allOf``."""


class NoInstance(ValueError):
    """Nothing fits the schema, or nothing that can be made up; the message says where."""


class TooLarge(NoInstance):
    """The schema unfolds further than is followed."""


class Steps:
    """The work that may still be done for one request, so that no schema can keep a server busy."""

    def __init__(self, left: int = MOST_STEPS) -> None:
        self._left = left

    def spend(self, steps: int) -> None:
        """Count work before it is done. Raises TooLarge when too little is left."""
        self._left -= steps
        if self._left < 0:
            raise TooLarge("the schema unfolds too far")


def as_object(schema: Any) -> JsonObject:
    """A schema as an object: ``True`` asks for nothing. Raises NoInstance for one that forbids everything."""
    if schema is False:
        raise NoInstance("the schema allows no value")
    return cast(JsonObject, schema) if isinstance(schema, dict) else {}


def target_of(reference: Any, root: JsonObject) -> JsonObject:
    """The schema a reference inside the same document points at. Raises NoInstance."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise NoInstance(f"{str(reference)[:80]!r} is not a reference inside the schema")
    found: Any = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = cast(JsonObject, found)[name]
        elif isinstance(found, list) and name.isdigit() and int(name) < len(cast(list[Any], found)):
            found = cast(list[Any], found)[int(name)]
        else:
            raise NoInstance(f"{reference[:80]!r} points at nothing")
    return as_object(found)


def joined(one: Any, other: Any) -> JsonObject:
    """The schema of values that fit both. Raises NoInstance when it can be seen that none does."""
    one, other = as_object(one), as_object(other)
    both: JsonObject = dict(one)
    for word, asked in other.items():
        both[word] = _both(word, both[word], asked) if word in both else asked
    for word in COMPOSED:
        if word in one and word in other:
            both[word] = one[word]
            branch = {name: other[name] for name in (word, "then", "else") if name in other}
            both["allOf"] = [*both.get("allOf", []), branch if word == "if" else {word: other[word]}]
    return both


def types_of(schema: JsonObject) -> list[str]:
    """The types a schema allows, in lower case as JSON Schema writes them; empty when it does not say."""
    given = schema.get("type")
    names = cast(list[Any], given) if isinstance(given, list) else [given] if given else []
    return [str(name).lower() for name in names]


def _both(word: str, one: Any, other: Any) -> Any:
    match word:
        case "type":
            return _common_types(one, other)
        case "enum":
            kept = {written(value) for value in other}
            return [value for value in one if written(value) in kept]
        case "const":
            if one != other:
                raise NoInstance("two constants differ")
            return one
        case "required" | "allOf":
            return [*one, *other]
        case "properties" | "$defs" | "definitions":
            return {**one, **{name: _property(one, name, asked) for name, asked in other.items()}}
        case "items" | "additionalProperties" | "contains":
            return False if one is False or other is False else joined(one, other)
        case "minimum" | "minLength" | "minItems" | "minProperties" | "exclusiveMinimum":
            return max(one, other)
        case "maximum" | "maxLength" | "maxItems" | "maxProperties" | "exclusiveMaximum":
            return min(one, other)
        case _:
            return one


def _property(properties: Mapping[str, Any], name: str, asked: Any) -> Any:
    if name not in properties:
        return asked
    return False if properties[name] is False or asked is False else joined(properties[name], asked)


def _common_types(one: Any, other: Any) -> list[str]:
    first, second = types_of({"type": one}), types_of({"type": other})
    common = [name for name in first if name in second]
    if "integer" in first + second and "number" in first + second and "integer" not in common:
        common.append("integer")
    if not common:
        raise NoInstance("two types have no value in common")
    return common
