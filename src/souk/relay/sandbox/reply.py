"""The sandbox's answer before it is put into a protocol's words: a text, tool calls, thoughts, and why it ends."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from souk.relay.sandbox.tokens import LETTERS_PER_TOKEN, tokens_of, tokens_of_json
from souk.words import JsonObject

PIECE_LETTERS: Final = 5 * LETTERS_PER_TOKEN
"""How long a piece of a streamed answer is."""


class Finish(StrEnum):
    """Why an answer ends."""

    DONE = "done"
    LENGTH = "length"
    """It had as many tokens as it may have."""
    STOPPED = "stopped"
    """One of the request's stop sequences came."""
    TOOLS = "tools"
    """It waits for tools."""
    REFUSED = "refused"
    """A content rule forbids it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that shall be run."""

    number: int
    tool: str
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. A refusal has its explanation as text."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    finish: Finish = Finish.DONE
    stop: str = ""
    """The stop sequence that ended it."""

    @property
    def thinking_tokens(self) -> int:
        return tokens_of(self.thinking)

    @property
    def tokens(self) -> int:
        """All that was written, thoughts included."""
        return self.thinking_tokens + tokens_of(self.text) + sum(call_tokens(call) for call in self.calls)


@dataclass(frozen=True, slots=True)
class Used:
    """The tokens of a request and all its answers."""

    input: int
    output: int
    thinking: int
    """Part of ``output``."""

    @classmethod
    def of(cls, prompt_tokens: int, replies: Sequence[Reply]) -> "Used":
        written = sum(reply.tokens for reply in replies)
        return cls(prompt_tokens, written, sum(reply.thinking_tokens for reply in replies))

    @property
    def total(self) -> int:
        return self.input + self.output


class Marks:
    """Ids and chance of one request: the same request always gets the same."""

    def __init__(self, model: str, body: bytes) -> None:
        self._seed = hashlib.blake2b(model.encode() + b"\0" + body, digest_size=16).digest()

    def id(self, what: str, length: int = 24) -> str:
        """Lower-case hex digits for this part of the answer."""
        return hashlib.blake2b(what.encode(), key=self._seed, digest_size=32).hexdigest()[:length]

    def chance(self, what: str) -> Random:
        """The chance for this part of the answer."""
        return Random(self.id(what))  # noqa: S311 - made-up values, not secrets


def call_tokens(call: Call) -> int:
    """The tokens of a tool call."""
    return tokens_of(call.tool) + tokens_of_json(call.arguments)


def pieces_of(text: str) -> list[str]:
    """A text in the pieces it is streamed in; an empty text has none."""
    return [text[start : start + PIECE_LETTERS] for start in range(0, len(text), PIECE_LETTERS)]
