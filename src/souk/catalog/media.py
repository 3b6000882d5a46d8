"""Where a model's input names files: read from the schema, asked at every create.

Schema keywords: ``x-media`` (``image``, ``video``, ``audio`` or a list of them) with ``x-accept`` (media
types) and ``x-max-bytes``, on the property that holds an address or a list of addresses.

Paths are written ``image_urls[]`` for a list and ``kling_elements[].element_input_urls[]`` inside one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from souk.words import JsonObject


@dataclass(frozen=True, slots=True)
class MediaRule:
    """What one media field takes."""

    kinds: tuple[str, ...]
    """``image``, ``video``, ``audio``."""
    accept: tuple[str, ...]
    """Media types; empty means any of the kinds."""
    max_bytes: int | None
    """For each file; None where the maker names no limit."""
    max_items: int


@dataclass(frozen=True, slots=True)
class Place:
    """A marked spot of the schema: the field names to walk, each with whether it holds a list."""

    steps: tuple[tuple[str, bool], ...]
    mark: JsonObject

    @property
    def path(self) -> str:
        """Such as ``kling_elements[].element_input_urls[]``."""
        return ".".join(f"{name}[]" if listed else name for name, listed in self.steps)

    def texts(self, input: JsonObject) -> Iterator[str]:
        """Every non-empty text found there, in order."""
        yield from _texts(input, self.steps)


def field_of(path: str) -> str:
    """The field a path ends in, as providers name it: without the mark of a list at its end."""
    return path.removesuffix("[]")


def media_places(schema: JsonObject) -> tuple[Place, ...]:
    """The spots that hold addresses of input files."""
    return marked_places(schema, "x-media")


def marked_places(schema: JsonObject, keyword: str) -> tuple[Place, ...]:
    """The spots that have a keyword."""
    return tuple(_marked(schema, keyword, ()))


def media_rule(mark: JsonObject) -> MediaRule:
    """What a marked property takes."""
    named = mark["x-media"]
    kinds = tuple(cast(list[str], named) if isinstance(named, list) else [str(named)])
    return MediaRule(
        kinds=kinds,
        accept=tuple(mark.get("x-accept", ())),
        max_bytes=int(mark["x-max-bytes"]) if "x-max-bytes" in mark else None,
        max_items=int(mark.get("maxItems", _MANY)) if "array" in _types(mark) else 1,
    )


_MANY = 100
"""Files a list may hold where its maker names no number."""


def _marked(schema: JsonObject, keyword: str, before: tuple[tuple[str, bool], ...]) -> Iterator[Place]:
    for name, node in cast(JsonObject, schema.get("properties", {})).items():
        steps = (*before, (name, "array" in _types(node)))
        if keyword in node:
            yield Place(steps, node)
        yield from _marked(node.get("items", node), keyword, steps)


def _types(node: JsonObject) -> list[str]:
    named = node.get("type")
    return cast(list[str], named) if isinstance(named, list) else [str(named)]


def _texts(value: Any, steps: Sequence[tuple[str, bool]]) -> Iterator[str]:
    if isinstance(value, list):
        for item in cast(list[Any], value):
            yield from _texts(item, steps)
    elif not steps:
        if isinstance(value, str) and value:
            yield value
    elif isinstance(value, dict):
        yield from _texts(cast(JsonObject, value).get(steps[0][0]), steps[1:])
