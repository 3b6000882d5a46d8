"""Posting to an upstream whose answer is passed on while it still comes, at as little cost as can be.

Only for addresses the operator configured: those may be anywhere but at a metadata or link-local address.
"""

import io
from collections.abc import AsyncGenerator, Mapping
from functools import lru_cache
from typing import Final, Self

import aiohttp
from yarl import URL

from souk import __version__
from souk.net.http import Blocked, MaybeSent, NeverSent, TooLarge
from souk.net.policy import Policy, check_url, safe_url
from souk.net.reasons import reason_of
from souk.net.resolver import GuardedResolver, Lookup, SystemLookup

CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 600.0
"""How long an upstream may be silent: models that think for minutes say nothing meanwhile."""
DNS_SECONDS: Final = 10
LARGE_BYTES: Final = 1024 * 1024
"""From here on a body leaves in pieces, so that others get their turn."""
IDLE_SECONDS: Final = 15.0
"""How long an unused connection is kept. Servers keep theirs longer, so ours are never stale."""


_FAILURES: Final = (aiohttp.ClientError, OSError, ValueError, TimeoutError)


class Streamed:
    """An answer whose head has arrived."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status

    @property
    def media_type(self) -> str:
        """Without parameters, in lower case; empty when the server names none."""
        return self.header("content-type").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """The first header of this name; empty if there is none."""
        return self._answer.headers.get(name, "")

    def close(self) -> None:
        """Let go of the connection, at once if the answer is still coming. May be called again."""
        self._answer.close()

    async def whole(self, most: int) -> bytes:
        """The whole body. Raises TooLarge past ``most`` bytes, and MaybeSent when it does not come whole."""
        length = self._answer.content_length
        if length is not None and length <= most:
            return await self._read()
        parts: list[bytes] = []
        size = 0
        async for piece in self.pieces():
            size += len(piece)
            if size > most:
                self._answer.close()
                raise TooLarge(f"the answer is larger than the {most} bytes allowed here")
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _read(self) -> bytes:
        try:
            return await self._answer.read()
        except _FAILURES as error:
            raise MaybeSent(reason_of(error, SILENCE_SECONDS)) from None

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it arrives. Ending it early closes the connection. Raises MaybeSent when it breaks off."""
        answer = self._answer
        try:
            read = answer.content.readany
            while piece := await read():
                yield piece
            answer.release()
        except _FAILURES as error:
            raise MaybeSent(reason_of(error, SILENCE_SECONDS)) from None
        finally:
            answer.close()


class StreamingHttp:
    """Connections to upstreams that chat, kept open between requests."""

    def __init__(self, lookup: Lookup, connect_timeout: float) -> None:
        self._lookup = lookup
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def open(cls, lookup: Lookup | None = None, *, connect_timeout: float = CONNECT_SECONDS) -> Self:
        """``lookup`` replaces the system's name resolution."""
        return cls(lookup or SystemLookup(), connect_timeout)

    async def aclose(self) -> None:
        """Close every connection; streams under way break off."""
        if self._session is not None:
            await self._session.close()
        if isinstance(self._lookup, SystemLookup):
            self._lookup.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Streamed:
        """Send a request and wait for the head of its answer. Redirects are not followed.

        Raises NeverSent when the connection could not be made, and MaybeSent for everything after.
        """
        session = self._session or self._opened()
        data = body if len(body) < LARGE_BYTES else io.BytesIO(body)
        try:
            answer = await session.post(_checked(url), headers=headers, data=data, allow_redirects=False)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NeverSent(f"{safe_url(url)}: {reason_of(error, SILENCE_SECONDS)}") from None
        except Blocked:
            raise
        except _FAILURES as error:
            raise MaybeSent(f"{safe_url(url)}: {reason_of(error, SILENCE_SECONDS)}") from None
        return Streamed(answer)

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(Policy.OPEN, self._lookup),
            limit=0,
            keepalive_timeout=IDLE_SECONDS,
            ttl_dns_cache=DNS_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={
                "User-Agent": f"souk/{__version__}",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
            },
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._connect_timeout, sock_read=SILENCE_SECONDS
            ),
        )
        return self._session


@lru_cache(maxsize=1024)
def _checked(url: str) -> URL:
    """The address as aiohttp takes it. Operators configure few, so each is judged once. Raises Blocked."""
    return check_url(url, Policy.OPEN).url
