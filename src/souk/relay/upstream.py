"""Who answers a chat request: an upstream over HTTP, or the sandbox. Both give bytes in the protocol's own shape."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from souk.relay.protocols.protocol import Ask, ChatProtocol


class Unreached(Exception):
    """Nothing was sent: the connection failed. Another route may be tried. The message holds no secret."""


class Broken(Exception):
    """The request may have been sent, and its answer did not come whole. The message holds no secret."""


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


class Upstream(Protocol):
    """One way to have a model answer: a route's connection, or the sandbox."""

    async def send(self, protocol: ChatProtocol, ask: Ask, stream: bool) -> Answer:
        """The model's answer, streamed or whole. Raises Unreached and Broken.

        ``ask.model`` is the catalogue's id; whoever needs another one upstream knows it.
        """
        ...
