"""Reading plain data (YAML, JSON) with types: the first step of every part of the catalogue that loads."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, cast

from souk.words import JsonObject


class Unreadable(ValueError):
    """A piece of catalogue data has the wrong shape. The message says where and what belongs there."""


def mapping(value: Any, where: str) -> JsonObject:
    """The value as a mapping; an absent one is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{where} must be a mapping, not {value!r}")
    return cast(JsonObject, value)


def sequence(value: Any, where: str) -> list[Any]:
    """The value as a list; an absent one is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable(f"{where} must be a list, not {value!r}")
    return cast(list[Any], value)


def text(value: Any, where: str) -> str:
    """The value as a non-empty string."""
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{where} must be a text, not {value!r}")
    return value


def number(value: Any, where: str) -> float:
    """The value as a number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise Unreadable(f"{where} must be a number of 0 or more, not {value!r}")
    return value


def only(data: JsonObject, known: Iterable[str], where: str) -> None:
    """Refuse keys outside ``known``, naming the nearest right one."""
    names = list(known)
    for key in data:
        if key not in names:
            near = get_close_matches(str(key), names, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            raise Unreadable(f"{where} has no {key!r}; {hint}")


def word(value: Any) -> str:
    """A JSON value as the table key that stands for it: ``true``, ``5``, ``720p``; ``none`` if absent."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def given(value: Any) -> bool:
    """Whether an input field holds anything: absent, null, empty texts and empty lists do not."""
    return value is not None and value != "" and value != [] and value != {}


def worded(data: Any) -> Any:
    """The same data with every mapping key as a text; YAML reads ``5:`` and ``true:`` as other types."""
    if isinstance(data, dict):
        return {word(key): worded(value) for key, value in cast(dict[Any, Any], data).items()}
    if isinstance(data, list):
        return [worded(value) for value in cast(list[Any], data)]
    return data
