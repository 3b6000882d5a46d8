"""What every request handler needs, gathered once when the process starts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope

from souk.api import body
from souk.api.credential import Proxies, bearer
from souk.dialects.table import Dialects
from souk.measure import Meters
from souk.operations.operations import Operations
from souk.operations.types import Caller
from souk.words import HOPS_HEADER, JsonObject

HeaderMap = Mapping[bytes, bytes]
HotHandler = Callable[[Scope, HeaderMap, Receive], Awaitable[bytes]]
"""Returns the body of a 200 answer, or raises."""
HotRoutes = Mapping[str, tuple[str, HotHandler]]
"""Path to method and handler."""


_HOPS: Final = HOPS_HEADER.lower().encode()


def _ignore() -> None:
    """Nobody needs to know."""


@dataclass(frozen=True, slots=True)
class Site:
    """The operations, and how requests become calls of them."""

    operations: Operations
    dialects: Dialects
    meters: Meters
    proxies: Proxies = field(default_factory=lambda: Proxies(""))
    max_body: int = 10 * 1024 * 1024
    max_depth: int = 32
    proxied: Callable[[], None] = _ignore
    """Told of every request that came through a proxy, trusted or not."""

    async def caller(self, scope: Scope, headers: HeaderMap) -> Caller:
        """Whose request this is. Raises Refusal."""
        return await self.caller_with(bearer(headers), scope, headers)

    async def caller_with(self, key: str, scope: Scope, headers: HeaderMap) -> Caller:
        """As :meth:`caller`, with a key that was found elsewhere than in the usual header."""
        caller = await self.operations.authenticate(key, self.proxies.client_ip(scope))
        hops = headers.get(_HOPS, b"")
        return replace(caller, hops=int(hops[:9])) if hops.isdigit() else caller

    async def json_body(self, headers: HeaderMap, receive: Receive) -> JsonObject:
        """The request's JSON object. Raises Rejected."""
        raw = await body.read(receive, headers.get(b"content-length"), self.max_body)
        return body.parse_object(raw, self.max_depth)

    async def caller_of(self, request: Request) -> Caller:
        """As :meth:`caller`, for an ordinary route."""
        return await self.caller(request.scope, dict(request.scope["headers"]))

    async def json_of(self, request: Request) -> JsonObject:
        """As :meth:`json_body`, for an ordinary route."""
        return await self.json_body(dict(request.scope["headers"]), request.receive)
