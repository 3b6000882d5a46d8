"""What the relay must understand of a chat protocol: which model, streamed or not, how much at most, what was used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from souk.catalog.chat import Usage
from souk.relay.members import BadAsk, Members
from souk.words import Credits

__all__ = ["Ask", "BadAsk", "ChatProtocol", "Cost", "Fault", "Members", "StreamReader"]

Cost = Callable[[Usage], Credits]


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
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Of the client's headers, those an upstream may get, by their names in lower case."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer, for a program and for the person who must act."""

    status: int
    """HTTP's."""
    message: str
    code: str = ""
    """Ours, such as ``no_route``."""
    retry_after: float = 0.0
    """Seconds until it is worth another try; 0 = not known."""


class StreamReader(Protocol):
    """Follows one streamed answer: what was used, and whether it came to its proper end."""

    @property
    def usage(self) -> Usage | None:
        """What the stream said so far."""
        ...

    @property
    def finished(self) -> bool:
        """The protocol's last word was seen."""
        ...

    @property
    def failed(self) -> bool:
        """The upstream reported a failure inside the stream."""
        ...

    def feed(self, events: bytes) -> bytes:
        """Whole server-sent events, as they shall go to the client; empty if all are only for us."""
        ...


class ChatProtocol(Protocol):
    """One of the makers' chat APIs, from the wire's point of view."""

    name: str
    """``chat``, ``responses``, ``messages`` or ``gemini``."""

    def read(self, body: bytes, path_model: str, default_stream: bool) -> Ask:
        """What the client asks. ``path_model`` wins over the body's model. Raises BadAsk."""
        ...

    def onward(self, ask: Ask, model: str) -> Members:
        """The request's members as an upstream shall get them, with its own id of the model."""
        ...

    def usage_of(self, body: bytes) -> Usage | None:
        """What a whole answer says it used; None when it says nothing."""
        ...

    def reader(self, ask: Ask, cost: Cost) -> StreamReader:
        """A reader for one streamed answer, which writes the credits where the protocol tells its usage."""
        ...

    def error(self, fault: Fault, request_id: str = "") -> bytes:
        """The body of an error answer, in the maker's shape."""
        ...

    def error_event(self, fault: Fault) -> bytes:
        """The last event of a stream that broke off."""
        ...
