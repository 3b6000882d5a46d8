"""The real outbound network: aiohttp behind the policy, with errors that say whether anything was sent."""
# ruff: noqa: ASYNC109 - a timeout here is part of the request: it decides NeverSent or MaybeSent

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import urljoin

import aiohttp
import msgspec

from souk import __version__
from souk.net.body import body_for
from souk.net.decode import decoded
from souk.net.http import BadStatus, Body, Download, MaybeSent, NeverSent, Response
from souk.net.policy import Policy, Target, check_url, safe_url
from souk.net.reasons import reason_of
from souk.net.resolver import GuardedResolver, Lookup, SystemLookup
from souk.net.spool import Spool

CONNECTIONS = 256
"""Open connections at once, per lane."""
CONNECT_SECONDS = 10.0
DNS_SECONDS = 10
"""How long a resolved address may be used again; it was checked when it was resolved."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FORWARDED_HEADERS = frozenset({"accept", "accept-language", "range", "user-agent"})
"""What a redirect to another origin may carry. Keys have many header names, so the harmless are listed."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request as the caller means it, before and after redirects."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Body | None = None
    fresh: bool = False
    follow: int = 0
    trusted: bool = False


@dataclass(slots=True)
class _Progress:
    """How far a call came. ``connected`` is the line between NeverSent and MaybeSent."""

    connecting: bool = False
    """A connection for the present hop was begun."""
    connected: bool = False
    answered: int | None = None


class GuardedHttp:
    """:class:`souk.net.http.Http` over real sockets.

    Each pair of policy and freshness has a lane (an aiohttp session) of its own, so a connection that
    was made to a trusted address is never reused for an address that is not trusted.
    """

    def __init__(self, policy: Policy, lookup: Lookup, *, connections: int, connect_timeout: float) -> None:
        self._policy = policy
        self._lookup = lookup
        self._connections = connections
        self._connect_timeout = connect_timeout
        self._lanes: dict[tuple[Policy, bool], aiohttp.ClientSession] = {}
        self._closed = False

    @classmethod
    def open(
        cls,
        policy: Policy,
        *,
        lookup: Lookup | None = None,
        connections: int = CONNECTIONS,
        connect_timeout: float = CONNECT_SECONDS,
    ) -> Self:
        """``lookup`` replaces the system's name resolution; ``connections`` bounds each lane."""
        return cls(policy, lookup or SystemLookup(), connections=connections, connect_timeout=connect_timeout)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    def restrict(self) -> None:
        """From now on, only public addresses may be contacted."""
        self._policy = Policy.PRIVATE_DENIED

    async def aclose(self) -> None:
        """Close every connection; calls under way end with an error."""
        self._closed = True
        lanes = list(self._lanes.values())
        self._lanes.clear()
        for lane in lanes:
            await lane.close()
        if isinstance(self._lookup, SystemLookup):
            self._lookup.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

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
        """See :meth:`souk.net.http.Http.request`."""
        ask = _ask(method, url, headers, json, data)
        ask = replace(ask, fresh=fresh, follow=follow, trusted=trusted)
        async with self._answer(ask, timeout) as answer:
            body = b"".join([piece async for piece in decoded(answer, max_bytes)])
            return Response(answer.status, _headers(answer), body)

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
        """See :meth:`souk.net.http.Http.submit`."""
        return await self.request(
            method,
            url,
            headers=headers,
            json=json,
            data=data,
            timeout=timeout,
            max_bytes=max_bytes,
            fresh=True,
            trusted=trusted,
        )

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
    ) -> Download:
        """See :meth:`souk.net.http.Http.download`."""
        ask = _ask("GET", url, {"Accept-Encoding": "identity", **(headers or {})}, None, None)
        ask = replace(ask, follow=follow, trusted=trusted)
        async with self._answer(ask, timeout) as answer:
            if not 200 <= answer.status < 300:
                raise BadStatus(f"HTTP {answer.status} from {safe_url(url)}", answer.status)
            async with Spool(path) as spool:
                async for piece in decoded(answer, max_bytes):
                    await spool.write(piece)
            media_type = answer.content_type if "Content-Type" in answer.headers else ""
            return Download(spool.size, spool.sha256, media_type, _headers(answer))

    @contextlib.asynccontextmanager
    async def _answer(self, ask: _Ask, timeout: float) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer to a request, its redirects followed, every failure turned into a NetError."""
        progress = _Progress()
        try:
            async with asyncio.timeout(timeout), self._exchange(ask, progress) as answer:
                yield answer
        except NeverSent:
            raise
        except MaybeSent as error:
            error.answered = progress.answered
            raise
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            # The cause may spell the whole address, so it is described and not attached.
            reason = f"{safe_url(ask.url)}: {reason_of(error, timeout)}"
            if not progress.connected:
                raise NeverSent(reason) from None
            unfinished = MaybeSent(reason)
            unfinished.answered = progress.answered
            raise unfinished from None

    @contextlib.asynccontextmanager
    async def _exchange(self, ask: _Ask, progress: _Progress) -> AsyncGenerator[aiohttp.ClientResponse]:
        for hops in range(ask.follow + 1):
            policy = Policy.OPEN if ask.trusted else self._policy
            target = check_url(ask.url, policy)
            progress.connecting = False
            async with (
                body_for(ask.body) as body,
                self._lane(policy, ask.fresh).request(
                    ask.method,
                    target.url,
                    headers=ask.headers,
                    data=body,
                    allow_redirects=False,
                    trace_request_ctx=progress,
                ) as answer,
            ):
                location = _redirect(ask, answer)
                if location is None:
                    progress.answered = answer.status
                    yield answer
                    return
                ask = _redirected(ask, target, location)
                if hops == ask.follow:
                    raise MaybeSent(f"{safe_url(ask.url)}: more than {ask.follow} redirects")

    def _lane(self, policy: Policy, fresh: bool) -> aiohttp.ClientSession:
        if self._closed:
            raise NeverSent("the outbound network is closed")
        lane = self._lanes.get((policy, fresh))
        if lane is None:
            lane = self._lanes[policy, fresh] = self._open_lane(policy, fresh)
        return lane

    def _open_lane(self, policy: Policy, fresh: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(policy, self._lookup),
            force_close=fresh,
            limit=self._connections,
            ttl_dns_cache=DNS_SECONDS,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": f"souk/{__version__}", "Accept-Encoding": "gzip"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            trace_configs=[_at_most_once(), _connection_trace()] if fresh else [_connection_trace()],
        )


def _ask(method: str, url: str, headers: Mapping[str, str] | None, json: Any, data: Body | None) -> _Ask:
    headers = dict(headers or {})
    for name, value in headers.items():
        if not name or any(character in "\r\n\0" for character in name + value):
            raise NeverSent(f"the header {name!r} cannot be sent: it is empty or holds a line break")
    if json is None:
        return _Ask(method.upper(), url, headers, data)
    if data is not None:
        raise TypeError("a request has either json or data")
    return _Ask(
        method.upper(), url, {"Content-Type": "application/json", **headers}, msgspec.json.encode(json)
    )


def _redirect(ask: _Ask, answer: aiohttp.ClientResponse) -> str | None:
    """Where to go next, or None if this answer is the one to hand back."""
    if not ask.follow or ask.method not in ("GET", "HEAD") or answer.status not in REDIRECTS:
        return None
    return answer.headers.get("Location")


def _redirected(ask: _Ask, target: Target, location: str) -> _Ask:
    """The next hop. Trust and credentials stay with the origin they were meant for."""
    url = urljoin(str(target.url), location)
    if check_url(url, Policy.OPEN).origin == target.origin:
        return replace(ask, url=url)
    headers = {name: value for name, value in ask.headers.items() if name.lower() in FORWARDED_HEADERS}
    return replace(ask, url=url, headers=headers, trusted=False)


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers


def _connection_trace() -> aiohttp.TraceConfig:
    """Notes on a call's progress that its connection stands: from here on, bytes may leave."""

    async def connected(_session: aiohttp.ClientSession, call: SimpleNamespace, _event: object) -> None:
        call.trace_request_ctx.connected = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    return trace


def _at_most_once() -> aiohttp.TraceConfig:
    """Stops aiohttp from repeating a dropped GET, PUT or DELETE on a second connection by itself."""

    async def connecting(_session: aiohttp.ClientSession, call: SimpleNamespace, _event: object) -> None:
        if call.trace_request_ctx.connecting:
            raise aiohttp.ServerDisconnectedError
        call.trace_request_ctx.connecting = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(connecting)
    return trace
