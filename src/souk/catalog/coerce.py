"""Small repairs of an input at create, where clients are known to send another type than documented.

A number as text and back, ``"true"`` for true, one text where a list is asked and a list of one where a text
is asked. Null, an empty list, and an empty address, choice or id stand for a field not given: forms send them for
what was left open. Only inputs that fail their schema come here.
"""

import re
from dataclasses import dataclass
from typing import Any, cast

from souk.catalog.plain import word
from souk.words import JsonObject

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Shape:
    """What JSON types a place in the input admits."""

    types: frozenset[str]
    """Empty if anything goes."""
    items: "Shape | None"
    fields: dict[str, "Shape"]
    needed: frozenset[str] = frozenset()
    """Those of the fields that must be there: their empty lists are told what they lack."""
    names: bool = False
    """Its text names something, a file, a task or one of the choices: an empty one names nothing."""

    def coerce(self, value: Any) -> Any:
        """The value in an admitted type if there is an obvious one, else as it is."""
        types = self.types
        if isinstance(value, str):
            return value if not types or "string" in types else self._from_text(value)
        if isinstance(value, list):
            return self._from_list(cast(list[Any], value))
        if isinstance(value, dict):
            return self._from_object(cast(JsonObject, value)) if self.fields else value  # pyright: ignore[reportUnknownVariableType] - any JSON
        if isinstance(value, int | float) and not isinstance(value, bool):
            if isinstance(value, float) and "integer" in types and value.is_integer():
                return int(value)
            if "string" in types and not types & {"number", "integer"}:
                return word(value)
        return value

    def absent(self, value: Any) -> bool:
        """Whether the value is a way of saying that nothing is given."""
        return (value is None and "null" not in self.types and bool(self.types)) or (
            value == "" and self.names
        )

    def _from_text(self, value: str) -> Any:
        types = self.types
        if types & {"integer", "number"} and _NUMBER.fullmatch(value.strip()):
            number = float(value)
            if number.is_integer():
                return int(number)
            return number if "number" in types else value
        if "boolean" in types:
            return _TRUTH.get(value.strip().lower(), value)
        if "array" in types:
            return [self.items.coerce(value) if self.items else value]
        return value

    def _from_list(self, value: list[Any]) -> Any:
        if "array" in self.types or not self.types:
            return (
                [self.items.coerce(item) for item in value if not self.items.absent(item)]
                if self.items
                else value
            )
        return self.coerce(value[0]) if len(value) == 1 and not isinstance(value[0], list) else value

    def _from_object(self, value: JsonObject) -> JsonObject:
        found: JsonObject = {}
        for name, inner in value.items():
            shape = self.fields.get(name)
            if shape is None:
                found[name] = inner
            elif not shape.absent(inner) and (inner != [] or name in self.needed):
                found[name] = shape.coerce(inner)
        return found


def shape_of(schema: Any) -> Shape:
    """The shape a schema asks for."""
    if not isinstance(schema, dict):
        return Shape(frozenset(), None, {})
    node = cast(JsonObject, schema)
    branches = [shape_of(branch) for branch in node.get("anyOf", [])]
    named = node.get("type", [])
    types = set(cast(list[str], named) if isinstance(named, list) else [named])
    items = shape_of(node["items"]) if "items" in node else None
    for branch in branches:
        types |= branch.types
        items = items or branch.items
    fields = {name: shape_of(inner) for name, inner in node.get("properties", {}).items()}
    names = node.get("format") == "uri" or "x-parent" in node or "" not in node.get("enum", [""])
    return Shape(frozenset(types), items, fields, frozenset(node.get("required", ())), names)
