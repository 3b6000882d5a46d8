"""What the relay must know of an upstream to speak one chat protocol with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from souk.providers.base import Connection

Members = dict[str, bytes | msgspec.Raw]
"""The members of a JSON object: each value as the bytes it was written in."""


def as_it_is(members: Members) -> None:
    """The upstream takes the request as the protocol has it."""


def bearer(connection: Connection) -> dict[str, str]:
    """The key as most services want it. Servers of one's own may want none."""
    return {"Authorization": f"Bearer {connection.api_key}"} if connection.api_key else {}


@dataclass(frozen=True, slots=True)
class Speech:
    """One protocol at one service."""

    url: Callable[[str, str, bool], str]
    """From base URL, the service's id of the model, and whether to stream, to where the request goes."""
    headers: Callable[[Connection], dict[str, str]] = bearer
    adapt: Callable[[Members], None] = as_it_is
    """Changes the members of a request where this service wants it otherwise."""
    passes: tuple[str, ...] = ()
    """Headers of the client, in lower case, that go on to this service."""
    says_stream: bool = False
    """Whether to stream stands in the body, in a protocol that has it in the path."""
    enveloped: bool = False
    """It may answer HTTP 200 with ``{"code": 402, "msg": …}`` when it refuses."""
    tells_credits: bool = False
    """What its answers tell in ``credits_consumed`` is their cost in credits like ours; its daily cap counts that.

    Whoever else says it, as another Souk does that is reached as a maker, is not believed. No client sees either.
    """


Speeches = Mapping[str, Speech]
"""What a service speaks, by the protocol's name."""


def without(*names: str) -> Callable[[Members], None]:
    """Leaves out members that this service does not know and would refuse."""

    def leave_out(members: Members) -> None:
        for name in names:
            members.pop(name, None)

    return leave_out


def versioned(base: str) -> str:
    """A base URL with the version in it. A bare host serves version 1, as the makers' own do."""
    bare = base.partition("://")[2].strip("/").count("/") == 0
    return f"{base}{'/v1' if bare else ''}"


def under(path: str) -> Callable[[str, str, bool], str]:
    """At this path of the base URL, whatever the model."""

    def url(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body names both
        return f"{versioned(base)}{path}"

    return url
