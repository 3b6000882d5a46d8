"""Who answers a chat request: an upstream over HTTP, or the sandbox. Both give bytes in the protocol's own shape."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from souk.net.http import MaybeSent as Broken
from souk.net.http import NeverSent as Unreached
from souk.relay.protocols.protocol import Ask, ChatProtocol

__all__ = ["Answer", "Broken", "Unreached", "Upstream"]


def _nothing() -> None:
    """There is no connection to let go of."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. A status other than 200 always has its body as bytes."""

    status: int
    body: bytes | AsyncGenerator[bytes] = field(repr=False)
    """The whole body; of a stream, a generator of pieces as they come.

    Closing the generator (``aclose``) closes the upstream's connection at once. It raises Broken where the
    stream breaks off. Pieces need not end where events end.
    """
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in lower case. Only ``retry-after`` is passed on."""
    tells_credits: bool = False
    """What it says it has cost there is so, in credits like ours. See :mod:`souk.relay.credits` for how it says so."""
    end: Callable[[], None] = _nothing
    """Lets go of the upstream at once, whether or not the body was begun. May be called again."""


class Upstream(Protocol):
    """One way to have a model answer: a route's connection, or the sandbox."""

    async def send(self, protocol: ChatProtocol, ask: Ask, stream: bool) -> Answer:
        """The model's answer, streamed or whole. Raises Unreached (nothing was sent, so another route may be
        tried) and Broken (it may have been sent, and no whole answer came).

        ``ask.model`` is the catalogue's id; whoever needs another one upstream knows it.
        """
        ...
