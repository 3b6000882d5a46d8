"""What was asked of an upstream, in a line for the task's story: names and sizes, never the words of a prompt."""

from collections.abc import Sized
from typing import Any, cast

from souk.providers.base import Job
from souk.words import JsonObject

MOST_CHARACTERS = 500


def summary(job: Job) -> str:
    """``image_urls [2], prompt (31), seed``: sizes of texts in characters, of lists in items."""
    return ", ".join(f"{name}{_size(value)}" for name, value in sorted(job.input.items()))[:MOST_CHARACTERS]


def _size(value: Any) -> str:
    match value:
        case str():
            return f" ({len(value)})"
        case list():
            return f" [{len(cast(Sized, value))}]"
        case dict():
            return f" {{{', '.join(sorted(cast(JsonObject, value)))}}}"
        case _:
            return ""
