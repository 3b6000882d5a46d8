"""The outbound network as the rest of Souk sees it: what may be asked, what comes back and what can go wrong.

Providers, input fetching, result downloads and callbacks are written against :class:`Http`.
:class:`souk.net.client.GuardedHttp` is the real one; a simulation may hand in another.
"""
# ruff: noqa: ASYNC109 - a timeout here is part of the request: it decides NeverSent or MaybeSent

from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec


class NetError(Exception):
    """A request that brought no usable answer. Messages carry no query string and no credentials."""


class NeverSent(NetError):
    """Nothing left this machine for the server to act on: name, connection or TLS failed."""


class Blocked(NeverSent):
    """The network policy refuses this address."""


class MaybeSent(NetError):
    """Bytes may have left: a timeout, a reset or a truncated answer after the connection stood."""

    answered: int | None = None
    """The HTTP status, if that much of an answer arrived before it failed."""


class TooLarge(MaybeSent):
    """The answer is bigger than the caller allowed, counted after decompression."""


class BadStatus(MaybeSent):
    """A download was answered with something other than 2xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreadable(ValueError):
    """A whole answer arrived, but it does not say anything that can be acted on."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, decompressed. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises :class:`Unreadable`."""
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            raise Unreadable(f"the answer (HTTP {self.status}) is not JSON") from None

    def text(self) -> str:
        """The body as UTF-8 text; bytes that are not become replacement marks."""
        return self.body.decode("utf-8", "replace")

    def retry_after(self) -> float | None:
        """Seconds of a numeric ``Retry-After``; dates are passed over, since callers have no clock."""
        value = self.headers.get("retry-after", "").strip()
        return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a multipart form, streamed from disk."""

    name: str
    path: Path
    filename: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Form:
    """A ``multipart/form-data`` body: text fields first, then files."""

    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Sequence[FilePart] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched. ``media_type`` is what the server declared, without parameters."""

    size: int
    sha256: str
    media_type: str
    headers: Mapping[str, str]
    data: bytes | None = field(default=None, repr=False)
    """The bytes of a file that was small enough not to be written to disk."""


Body = bytes | AsyncIterable[bytes] | Form


class Http(Protocol):
    """Asks other machines.

    ``timeout`` is the whole time a call may take, in seconds, from the first look-up of the name to
    the last byte. ``max_bytes`` bounds the decompressed answer. ``trusted`` marks an address the
    operator configured: it may be private, though never a metadata service.
    """

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Body | None = None,
        timeout: float,
        max_bytes: int,
        fresh: bool = False,
        follow: int = 0,
        trusted: bool = False,
    ) -> Response:
        """One exchange; any HTTP status is an answer.

        ``fresh`` takes no connection that rested for longer than a moment. ``follow`` redirects are followed for
        GET and HEAD, each checked by policy. Raises :class:`NeverSent` or :class:`MaybeSent`.
        """
        ...

    async def submit(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Body | None = None,
        timeout: float,
        max_bytes: int,
        trusted: bool = False,
    ) -> Response:
        """An exchange that must happen at most once: no redirect, no repeat, and no connection but a ``fresh`` one."""
        ...

    async def download(
        self,
        url: str,
        path: Path,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
        max_bytes: int,
        trusted: bool = False,
        follow: int = 5,
        small: int = 0,
    ) -> Download:
        """Fetch a file to ``path`` with bounded memory; a failure leaves no file behind.

        One of up to ``small`` bytes is handed back as it is instead, and nothing is written.

        Raises :class:`NeverSent`, :class:`MaybeSent`, :class:`TooLarge` or :class:`BadStatus`.
        """
        ...
