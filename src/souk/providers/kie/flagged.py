"""Records of KIE.AI that tell how a task stands by a flag: read in one place, whatever each API calls its states."""

from collections.abc import Callable, Collection
from typing import Any, Final, cast

import msgspec

from souk.providers.answers import as_object, is_address, taken_files
from souk.providers.base import Done, Failed, Job, Running, Unreachable
from souk.providers.kie.envelope import cost, failed, whole
from souk.providers.kie.wire import Recorded
from souk.words import JsonObject

Made = Callable[[JsonObject], JsonObject]
"""From a record's ``response`` to a result with the upstream's addresses in it; empty while nothing is there."""

NUMBERS: Final = {0: "running", 1: "done", 2: "failed", 3: "failed"}
COVER_NUMBERS: Final = {0: "running", 1: "done", 2: "running", 3: "failed"}
"""The cover API alone means by 2 that it is at work."""


class Flagged(Recorded):
    """An API whose record has ``successFlag``, a number or a word, and ``response``."""

    def __init__(
        self,
        path: str,
        record: str,
        made: Made,
        *,
        numbers: dict[int, str] = NUMBERS,
        response: str = "response",
        names_model: bool = False,
        insists: bool = False,
    ) -> None:
        super().__init__(path, record, names_model=names_model, insists=insists)
        self._made = made
        self._numbers = numbers
        self._response = response

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        flag = record.get("successFlag")
        state = of_word(flag) if isinstance(flag, str) and not flag.isdigit() else self._state(flag)
        if state == "failed":
            return failed(record.get("errorCode"), record.get("errorMessage"), job.connection)
        if state == "running":
            return Running(progress=_percent(record.get("progress")))
        return finished(self._made(as_object(record.get(self._response))), record, job)

    def _state(self, flag: Any) -> str:
        try:
            return self._numbers[whole(flag, -1)]
        except KeyError:
            raise Unreachable(f"the record's successFlag is {str(flag)[:40]!r}") from None


def of_word(word: str) -> str:
    """``running``, ``done`` or ``failed`` by the words of Suno's records. Raises Unreachable."""
    if word in ("SUCCESS", "CALLBACK_EXCEPTION"):
        return "done"  # a receiver that could not be reached spoils no result
    if word.endswith("_FAILED") or word == "SENSITIVE_WORD_ERROR":
        return "failed"
    if word == "PENDING" or word.endswith("_SUCCESS"):
        return "running"
    raise Unreachable(f"the record's state is {word[:40]!r}")


def finished(result: JsonObject, record: JsonObject, job: Job) -> Done | Running:
    """Success is believed when there is something to show for it; until then the task still runs."""
    if not result:
        return Running()
    files, shaped = taken_files(result)
    if not files and job.output.get("kind") not in ("text", "json"):
        return Running()
    return Done(files, shaped, cost(record.get("creditsConsumed")))


def addresses(value: Any) -> list[str]:
    """The addresses in a list, which older records write as a JSON text, or a single one."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = msgspec.json.decode(value)
        except ValueError:
            return []
    found: Collection[Any] = cast(list[Any], value) if isinstance(value, list) else [value]
    return [str(item) for item in found if is_address(item)]


def _percent(value: Any) -> int | None:
    """``progress`` is a text from 0.00 to 1.00 there."""
    try:
        return round(float(value) * 100) if isinstance(value, str) and 0 <= float(value) <= 1 else None
    except ValueError:
        return None
