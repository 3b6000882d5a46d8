"""The result object of a finished job: the model's documented shape with file stand-ins in place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from souk.words import JsonObject

DEFAULT_RESULT: JsonObject = {"resultUrls": {"$files": "all"}}


@dataclass(slots=True)
class Made:
    """What a child process made: files in order, and the result object that names them."""

    files: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    """Path and media type."""
    labels: dict[int, str] = field(default_factory=dict[int, str])
    """What the stored names of some files shall say, by number."""
    result: JsonObject = field(default_factory=dict[str, Any])
    seconds: float | None = None
    """Length of the work, where the files do not show it."""
    pieces: list[JsonObject] = field(default_factory=list[JsonObject])
    """As the fields of :class:`souk.providers.base.NewPiece`."""

    def add(self, path: Path, media_type: str) -> JsonObject:
        """Take a file in; answers its stand-in for the result object."""
        self.files.append((path, media_type))
        return {"$file": len(self.files) - 1}

    def answer(self) -> JsonObject:
        """As the JSON a child process answers with."""
        files = [
            {"path": str(path), "media_type": media_type, "label": self.labels.get(number, "")}
            for number, (path, media_type) in enumerate(self.files)
        ]
        return {"files": files, "result": self.result, "seconds": self.seconds, "pieces": self.pieces}


def filled(output: JsonObject, files: int) -> JsonObject:
    """The output's template with ``{"$files": "all"}`` written out for this many files."""
    return cast(JsonObject, _fill(output.get("result") or DEFAULT_RESULT, files))


def extra_files(output: JsonObject, files: int) -> dict[int, str]:
    """The files the template names beyond the first ``files``: number -> the result key it stands under."""
    return {number: key for number, key in _numbers(output.get("result") or {}, "") if number >= files}


def _fill(value: Any, files: int) -> Any:
    if isinstance(value, dict):
        given = cast(JsonObject, value)
        if "$files" in given:
            return [{"$file": number} for number in range(files)]
        return {key: _fill(inner, files) for key, inner in given.items()}
    if isinstance(value, list):
        return [_fill(inner, files) for inner in cast(list[Any], value)]
    return value


def _numbers(value: Any, key: str) -> Iterator[tuple[int, str]]:
    if isinstance(value, dict):
        given = cast(JsonObject, value)
        if isinstance(number := given.get("$file"), int):
            yield number, key
        for name, inner in given.items():
            yield from _numbers(inner, name)
    elif isinstance(value, list):
        for inner in cast(list[Any], value):
            yield from _numbers(inner, key)
