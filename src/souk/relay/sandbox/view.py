"""Looking into a client's JSON without trusting its shape: what is not of the kind expected counts as absent."""

import re
from typing import Any, Final, cast

from souk.words import JsonObject

_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def an_object(value: Any) -> JsonObject:
    """The value if it is an object, else an empty one."""
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def objects(value: Any) -> list[JsonObject]:
    """The objects in a list."""
    return [cast(JsonObject, item) for item in a_list(value) if isinstance(item, dict)]


def a_text(value: Any) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def either(holder: JsonObject, name: str) -> Any:
    """A member under its name, ``maxOutputTokens``, or as the same API also takes it, ``max_output_tokens``."""
    return holder[name] if name in holder else holder.get(_HUMP.sub("_", name).lower())


def stops_of(value: Any) -> tuple[str, ...]:
    """Stop sequences, given as one or as a list of them."""
    given = [value] if isinstance(value, str) else a_list(value)
    return tuple(item for item in given if isinstance(item, str) and item)
