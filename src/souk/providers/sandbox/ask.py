"""What one job asks of a child process, read from the plain JSON it was sent as."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from souk.providers.children.given import Given, Parent, read_given, read_parents
from souk.providers.sandbox.triggers import without_triggers
from souk.words import JsonObject

WORD_FIELDS = ("prompt", "text", "character_prompt", "scene")
LIST_FIELDS = ("dialogue", "dialogue_turns", "shots", "multi_prompt")
LINE_FIELDS = ("text", "Scene", "scene", "prompt")
DEFAULT_COUNT = 1
MAX_COUNT = 16
PARENT_FIELDS = ("task_id", "taskId", "origin_task_id")


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of a dialogue or one shot of a storyboard."""

    text: str
    voice: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A job as a child process sees it."""

    task_id: str
    model: str
    task: str
    input: JsonObject
    output: JsonObject
    """The catalogue's output spec as a plain object; unset values are absent."""
    media: tuple[Given, ...]
    folder: Path
    parents: tuple[Parent, ...] = ()

    @classmethod
    def read(cls, request: JsonObject) -> "Ask":
        names = ("task_id", "model", "task", "input", "output")
        plain = {name: request[name] for name in names}
        media, parents = read_given(request), read_parents(request)
        return cls(**plain, media=media, folder=Path(request["workdir"]), parents=parents)

    @property
    def seed(self) -> int:
        """The input's seed where it names one (the same request then gives the same bytes), else the task's own."""
        asked = self.input.get("seed")
        if isinstance(asked, bool) or not isinstance(asked, int | float | str):
            return crc(self.task_id)
        try:
            number = int(float(asked))
        except (ValueError, OverflowError):
            return crc(self.task_id)
        return crc(self.task_id) if number < 0 else number % (1 << 32)

    @property
    def words(self) -> str:
        """The text the work is about; the model's id where the input says nothing."""
        for name in WORD_FIELDS:
            value = self.input.get(name)
            if isinstance(value, str) and (text := without_triggers(value)):
                return text
        return " ".join(line.text for line in self.lines) or self.model

    @property
    def lines(self) -> list[Line]:
        """The turns or shots of inputs that come as a list."""
        return [line for name in LIST_FIELDS for line in _lines(self.input.get(name))]

    @property
    def count(self) -> int:
        return max(1, min(MAX_COUNT, int(self.output.get("count") or DEFAULT_COUNT)))

    @property
    def extras(self) -> JsonObject:
        return self.output.get("extras") or {}

    def of_kind(self, kind: str) -> list[Given]:
        """The input files of one kind: masks left out, of a parent's pictures the one the input picks."""
        found = [given for given in self.media if given.kind == kind and "mask" not in given.field]
        return [given for given in found if self._picked(given)] or found[:1]

    def mask(self) -> Given | None:
        return next((given for given in self.media if given.kind == "image" and "mask" in given.field), None)

    def followed(self, key: str, kinds: tuple[str, ...]) -> Given | None:
        """The input file that ``output[key]`` names; None if nothing is followed."""
        name = str(self.output.get(key) or "").partition("[]")[0]
        if not name:
            return None
        fit = [given for kind in kinds for given in self.of_kind(kind)]
        named = [given for given in fit if given.field.partition("[]")[0] == name]
        return next(iter(named or fit), None)

    def _picked(self, given: Given) -> bool:
        if given.field not in PARENT_FIELDS or given.kind != "image":
            return True
        picked = self.input.get("index")
        return given.index == (picked if isinstance(picked, int) else 0)


def crc(text: str) -> int:
    """A 32-bit number that is the same for the same text, in every process."""
    return zlib.crc32(text.encode())


def _lines(value: Any) -> Iterator[Line]:
    for item in cast(list[Any], value) if isinstance(value, list) else []:
        if not isinstance(item, dict):
            continue
        turn = cast(JsonObject, item)
        text = next((turn[name] for name in LINE_FIELDS if isinstance(turn.get(name), str)), "")
        voice = str(turn.get("voice") or turn.get("speaker_id") or "")
        seconds = turn.get("duration")
        length = float(seconds) if isinstance(seconds, int | float | str) and _is_number(seconds) else None
        if text or length:
            yield Line(without_triggers(text), voice, length)


def _is_number(value: int | float | str) -> bool:
    try:
        return 0 < float(value) < 3600
    except ValueError:
        return False
