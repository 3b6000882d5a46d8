"""What the relay must understand of a chat protocol: which model, streamed or not, how much at most, what was used."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from souk.catalog.chat import Usage
from souk.words import Credits

Members = dict[str, bytes | msgspec.Raw]
"""The members of a JSON object: each value as the bytes it was written in."""
Cost = Callable[[Usage], Credits]


class BadAsk(ValueError):
    """The request cannot be understood. The message is for the client and names the field."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(slots=True)
class Ask:
    """A chat request, as far as the relay looks into it."""

    model: str
    """As the client spelt it; the catalogue's id once the relay has looked it up."""
    stream: bool
    max_tokens: int | None
    """The most tokens the client wants in an answer, if it said."""
    choices: int
    """How many answers it wants."""
    wants_usage: bool
    """Whether a streamed answer shall tell its usage. True for protocols that always do."""
    body: bytes = field(repr=False)
    """The request as the client sent it."""
    members: Members = field(repr=False)
    """Its members, for whoever has to send it on with another model or an option more."""
    hops: int = 0
    """How many Souks it passed on its way here."""


class StreamReader(Protocol):
    """Follows one streamed answer: what was used, and whether it came to its proper end."""

    usage: Usage | None
    finished: bool
    """The protocol's last word was seen."""
    failed: bool
    """The upstream reported a failure inside the stream."""

    def feed(self, events: bytes) -> bytes:
        """Whole server-sent events, as they shall go to the client."""
        ...


class ChatProtocol(Protocol):
    """One of the makers' chat APIs, from the wire's point of view."""

    name: str
    """``chat``, ``responses``, ``messages`` or ``gemini``."""

    def read(self, body: bytes, path_model: str, default_stream: bool) -> Ask:
        """What the client asks. ``path_model`` wins over the body's model. Raises BadAsk."""
        ...

    def usage_of(self, body: bytes) -> Usage | None:
        """What a whole answer says it used; None when it says nothing."""
        ...

    def reader(self, ask: Ask, cost: Cost) -> StreamReader:
        """A reader for one streamed answer, which writes the credits where the protocol tells its usage."""
        ...

    def error(self, status: int, message: str, type: str = "", code: str = "", request_id: str = "") -> bytes:
        """The body of an error answer, in the maker's shape. An empty ``type`` is the status's usual one."""
        ...

    def error_event(self, status: int, message: str, type: str = "", code: str = "") -> bytes:
        """The last event of a stream that broke off."""
        ...
