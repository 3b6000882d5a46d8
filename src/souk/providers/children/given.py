"""What a child process is given: input files and earlier results; and the word for what cannot be used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from souk.words import JsonObject


class CannotUse(Exception):
    """An input is not what its field needs; becomes a ``bad_input`` refusal. The message names the field."""


@dataclass(frozen=True, slots=True)
class Given:
    """One input file."""

    field: str
    path: Path
    media_type: str
    index: int = 0

    @property
    def kind(self) -> str:
        """``image``, ``video`` or ``audio``."""
        return self.media_type.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Parent:
    """An earlier task or piece that the input names."""

    field: str
    id: str
    data: JsonObject
    """What was written down about a piece; empty for a task."""


def read_given(request: JsonObject) -> tuple[Given, ...]:
    """The input files of a request, in order."""
    media: list[dict[str, Any]] = request["media"]
    return tuple(Given(m["field"], Path(m["path"]), m["media_type"], m["index"]) for m in media)


def read_parents(request: JsonObject) -> tuple[Parent, ...]:
    """The earlier tasks and pieces a request builds on, in order."""
    return tuple(Parent(**parent) for parent in request["parents"])
