"""A model's default values: filled in for prices, outputs and providers, never into the stored input.

Besides the ``default`` of a property, one inside the ``then`` or ``else`` of a rule counts where that branch
applies, and comes first.
"""

from collections.abc import Callable
from typing import Any, cast

from jsonschema_rs import Draft202012Validator

from souk.words import JsonObject


class Defaults:
    """The defaults of one schema."""

    def __init__(self, schema: JsonObject) -> None:
        self._plain = _defaults(schema)
        self._branches: list[tuple[Callable[[Any], bool], JsonObject, JsonObject]] = []
        for rule in cast(list[JsonObject], schema.get("allOf", [])):
            then, otherwise = _defaults(rule.get("then")), _defaults(rule.get("else"))
            if then or otherwise:
                self._branches.append((Draft202012Validator(rule["if"]).is_valid, then, otherwise))

    def fill(self, input: JsonObject) -> JsonObject:
        """A copy of the input with what it leaves out."""
        filled = self._plain
        for applies, then, otherwise in self._branches:
            filled = filled | (then if applies(input) else otherwise)
        return filled | input


def _defaults(schema: Any) -> JsonObject:
    if not isinstance(schema, dict):
        return {}
    properties = cast(JsonObject, cast(JsonObject, schema).get("properties", {}))
    return {
        name: node["default"]
        for name, node in properties.items()
        if isinstance(node, dict) and "default" in node
    }
