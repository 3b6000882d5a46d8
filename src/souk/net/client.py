"""The real outbound network, behind the policy, with errors that say whether anything was sent."""
# ruff: noqa: ASYNC109 - a timeout here is part of the request: it decides NeverSent or MaybeSent

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import msgspec

from souk import __version__
from souk.net.body import Sent, body_for
from souk.net.connecting import Connector
from souk.net.decode import decoded, too_large
from souk.net.http import BadStatus, Body, Download, MaybeSent, NeverSent, Response
from souk.net.policy import Policy, Target, check_url, safe_url
from souk.net.pool import Pool
from souk.net.reasons import reason_of
from souk.net.resolver import Lookup, SystemLookup
from souk.net.spool import Spool
from souk.net.wire import Wire

CONNECTIONS = 256
"""Connections in use at once, per pool."""
CONNECT_SECONDS = 10.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods asked once more where a connection ended without an answer: most likely it had been kept too long."""
FORWARDED_HEADERS = frozenset({"accept", "accept-language", "range", "user-agent"})
"""What a redirect to another origin may carry. Keys have many header names, so the harmless are listed."""
_ALWAYS = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": f"souk/{__version__}"}
_BREAKS = frozenset("\r\n\0")


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

    @property
    def given(self) -> frozenset[str]:
        """The names of the caller's own headers, in lower case."""
        return frozenset(name.lower() for name in self.headers)


@dataclass(slots=True)
class _Progress:
    """How far a call came. ``connected`` is the line between NeverSent and MaybeSent."""

    connected: bool = False
    answered: int | None = None


class GuardedHttp:
    """:class:`souk.net.http.Http` over real sockets.

    Each pair of policy and freshness has a pool of its own, so a connection that was made to a trusted address is never
    reused for an address that is not trusted, and requests of one kind do not take the room of the other.
    """

    def __init__(self, policy: Policy, lookup: Lookup, *, connections: int, connect_timeout: float) -> None:
        self._policy = policy
        self._lookup = lookup
        self._connections = connections
        self._connect_timeout = connect_timeout
        self._pools: dict[tuple[Policy, bool], Pool] = {}
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
        """``lookup`` replaces the system's name resolution; ``connections`` bounds each pool."""
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
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.aclose()
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
        ask = _ask(method, url, headers, json, data, fresh=fresh, follow=follow, trusted=trusted)
        async with self._answer(ask, timeout) as answer:
            body = b"".join([piece async for piece in _body(answer, max_bytes)])
            return Response(answer.status, answer.headers, body)

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
        small: int = 0,
    ) -> Download:
        """See :meth:`souk.net.http.Http.download`."""
        plain = {"Accept-Encoding": "identity", **(headers or {})}
        ask = _ask("GET", url, plain, None, None, follow=follow, trusted=trusted)
        async with self._answer(ask, timeout) as answer:
            if not 200 <= answer.status < 300:
                raise BadStatus(f"HTTP {answer.status} from {safe_url(url)}", answer.status)
            async with Spool(path, small) as spool:
                async for piece in _body(answer, max_bytes):
                    await spool.write(piece)
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Download(spool.size, spool.sha256, media_type, answer.headers, spool.data)

    @contextlib.asynccontextmanager
    async def _answer(self, ask: _Ask, timeout: float) -> AsyncGenerator[Wire]:
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
        except (OSError, ValueError, TimeoutError) as error:
            # The cause may spell the whole address, so it is described and not attached.
            reason = f"{safe_url(ask.url)}: {reason_of(error, timeout)}"
            if not progress.connected:
                raise NeverSent(reason) from None
            unfinished = MaybeSent(reason)
            unfinished.answered = progress.answered
            raise unfinished from None

    @contextlib.asynccontextmanager
    async def _exchange(self, ask: _Ask, progress: _Progress) -> AsyncGenerator[Wire]:
        for hops in range(ask.follow + 1):
            policy = Policy.OPEN if ask.trusted else self._policy
            target = check_url(ask.url, policy)
            pool = self._pool(policy, ask.fresh)
            async with body_for(ask.method, ask.body, ask.given) as sent, pool.room():
                wire = await _asked(pool, target, ask, sent, progress)
                try:
                    location = _redirect(ask, wire)
                    if location is None:
                        progress.answered = wire.status
                        yield wire
                        return
                finally:
                    pool.give_back(target, wire, keep=not ask.fresh)
                ask = _redirected(ask, target, location)
                if hops == ask.follow:
                    raise MaybeSent(f"{safe_url(ask.url)}: more than {ask.follow} redirects")

    def _pool(self, policy: Policy, fresh: bool) -> Pool:
        if self._closed:
            raise NeverSent("the outbound network is closed")
        pool = self._pools.get((policy, fresh))
        if pool is None:
            connector = Connector(policy, self._lookup, self._connect_timeout)
            pool = self._pools[policy, fresh] = Pool(connector, self._connections)
        return pool


async def _asked(pool: Pool, target: Target, ask: _Ask, sent: Sent, progress: _Progress) -> Wire:
    """A connection on which the head of the answer has come."""
    head = _head(ask, target, sent)
    wire = None if ask.fresh else pool.kept(target)
    may_repeat = not ask.fresh and ask.method in REPEATABLE and isinstance(sent.body, bytes)
    progress.connected = False
    while True:
        wire = wire or await pool.new(target)
        progress.connected = True
        try:
            await wire.ask(ask.method, head, sent.body)
        except ConnectionError:
            wire.close()
            if not (may_repeat and wire.silent):
                raise
            wire, may_repeat = None, False
        except BaseException:
            wire.close()
            raise
        else:
            return wire


def _head(ask: _Ask, target: Target, sent: Sent) -> bytes:
    """The request line and headers. The caller's own stand in front of ours, whatever their case."""
    given = ask.given
    ours = {"Host": target.url.host_port_subcomponent, **_ALWAYS, **sent.headers}
    if ask.fresh:
        ours["Connection"] = "close"
    lines = [f"{ask.method} {target.url.raw_path_qs} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in ours.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in ask.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def _body(answer: Wire, max_bytes: int) -> AsyncIterator[bytes]:
    """The body of an answer, decompressed. Raises TooLarge past ``max_bytes``, before reading where that is told."""
    told = answer.headers.get("content-length", "")
    if not answer.bodiless and told.isdigit() and int(told) > max_bytes:
        raise too_large(max_bytes)
    async for piece in decoded(answer.pieces(), answer.headers, max_bytes):
        yield piece


def _ask(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    json: Any,
    data: Body | None,
    *,
    fresh: bool = False,
    follow: int,
    trusted: bool,
) -> _Ask:
    headers = dict(headers or {})
    for name, value in headers.items():
        if not name or not _BREAKS.isdisjoint(name + value):
            raise NeverSent(f"the header {name!r} cannot be sent: it is empty or holds a line break")
    if json is not None:
        if data is not None:
            raise TypeError("a request has either json or data")
        headers, data = {"Content-Type": "application/json", **headers}, msgspec.json.encode(json)
    return _Ask(method.upper(), url, headers, data, fresh, follow, trusted)


def _redirect(ask: _Ask, answer: Wire) -> str | None:
    """Where to go next, or None if this answer is the one to hand back."""
    if not ask.follow or ask.method not in ("GET", "HEAD") or answer.status not in REDIRECTS:
        return None
    return answer.headers.get("location")


def _redirected(ask: _Ask, target: Target, location: str) -> _Ask:
    """The next hop. Trust and credentials stay with the origin they were meant for."""
    url = urljoin(str(target.url), location)
    if check_url(url, Policy.OPEN).origin == target.origin:
        return replace(ask, url=url)
    headers = {name: value for name, value in ask.headers.items() if name.lower() in FORWARDED_HEADERS}
    return replace(ask, url=url, headers=headers, trusted=False)
