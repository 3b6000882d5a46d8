"""The input of a task as words of a command line: ``prompt=…``, ``seed=7``, ``image_urls=@cat.png``."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from souk.cli.failure import Exit, Failure
from souk.words import JsonObject

BringIn = Callable[[Path], Awaitable[str]]
"""Stores a local file and gives its link."""


async def read_input(words: list[str], schema: JsonObject, bring_in: BringIn) -> JsonObject:
    """The input object. A field that is a list may be given once per item. Raises Failure.

    A value is read as JSON unless the schema says that the field is text.
    """
    given: JsonObject = {}
    properties: JsonObject = schema.get("properties", {})
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise Failure(f"{word!r} is not KEY=VALUE, such as prompt='a cat'", Exit.USAGE)
        field: JsonObject = properties.get(name, {})
        value = await _value(text, field, bring_in)
        if _is_list(field) and not isinstance(value, list):
            given.setdefault(name, []).append(value)
        elif name in given:
            raise Failure(f"{name} is given twice", Exit.USAGE)
        else:
            given[name] = value
    return given


async def _value(text: str, field: JsonObject, bring_in: BringIn) -> Any:
    if text.startswith("@") and not text.startswith("@@"):
        return await bring_in(_file(text[1:]))
    if text.startswith("@@"):
        text = text[1:]
    if _kind(field) == "string" or (_is_list(field) and _kind(field.get("items", {})) == "string"):
        return text if not _is_list(field) else _list_or_text(text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _file(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise Failure(f"there is no file {path} (write @@ for a text that starts with @)", Exit.NOT_FOUND)
    return path


def _list_or_text(text: str) -> Any:
    """A whole list written as JSON, or one item of it."""
    if not text.startswith("["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_list(field: JsonObject) -> bool:
    return _kind(field) == "array"


def _kind(field: JsonObject) -> str:
    kind = field.get("type", "")
    return kind if isinstance(kind, str) else ""
