"""A request with its answers: all that is needed to write them down in any protocol."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import msgspec

from souk.relay import events
from souk.relay.sandbox.asked import Asked
from souk.relay.sandbox.reply import Call, Marks, Reply, Used
from souk.words import JsonObject


@dataclass(frozen=True)
class Answered:
    """What was asked and what is said to it."""

    asked: Asked
    replies: Sequence[Reply]
    marks: Marks
    created: int
    """The moment of the answer, in seconds since the epoch."""

    @cached_property
    def used(self) -> Used:
        return Used.of(self.asked.prompt_tokens, self.replies)

    @property
    def only(self) -> Reply:
        """The answer, in protocols that know of one."""
        return self.replies[0]

    def call_id(self, prefix: str, call: Call, choice: int = 0) -> str:
        """The id of a tool call."""
        return f"{prefix}{self.marks.id(f'call {choice} {call.number}')}"


class Writing(Protocol):
    """How one protocol writes answers down."""

    def whole(self, answered: Answered) -> JsonObject:
        """The body of an answer that is not streamed."""
        ...

    def events(self, answered: Answered) -> Iterator[bytes]:
        """The pieces of a streamed answer, in order: each holds whole server-sent events."""
        ...


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event with JSON in it."""
    return events.event(msgspec.json.encode(data), name)


DONE_EVENT = b"data: [DONE]\n\n"
"""The last event of OpenAI's streams."""
