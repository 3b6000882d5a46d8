"""The real outbound network, behind the policy, with errors that say whether anything was sent."""
# ruff: noqa: ASYNC109 - a timeout here is part of the request: it decides NeverSent or MaybeSent

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import msgspec

from souk import __version__
from souk.net.body import Sent, body_for
from souk.net.connecting import Connector
from souk.net.decode import decoded, too_large
from souk.net.http import BadStatus, Body, Download, MaybeSent, NetError, NeverSent, Response
from souk.net.policy import Policy, Target, check_url, safe_url
from souk.net.pool import Pool
from souk.net.reasons import reason_of
from souk.net.resolver import Lookup, SystemLookup
from souk.net.spool import Spool
from souk.net.wire import Wire

CONNECTIONS = 256
"""Connections in use at once, per pool."""
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 15.0
"""How long an unused connection is kept. Servers keep theirs longer, so ours are seldom stale."""
FRESH_SECONDS = 1.0
"""The same where a request must happen at most once. No server known to us lets go of a connection so soon."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods asked once more where a connection ended without an answer: most likely it had been kept too long."""
FORWARDED_HEADERS = frozenset({"accept", "accept-language", "range", "user-agent"})
"""What a redirect to another origin may carry. Keys have many header names, so the harmless are listed."""
_ALWAYS = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": f"souk/{__version__}"}
_BREAKS = frozenset("\r\n\0")
_FAILURES = (NetError, OSError, ValueError)


class _Ask(msgspec.Struct, frozen=True):
    """One request as the caller means it, before and after redirects."""

    method: str
    url: str
    headers: Mapping[str, str]
    given: frozenset[str]
    """The names of the headers, in lower case."""
    body: Body | None
    fresh: bool
    follow: int
    trusted: bool


class _Call:
    """A request on its way: how long it may take, how far it came, and the connection it holds."""

    def __init__(self, ask: _Ask, timeout: float) -> None:
        self.ask = ask
        self.until = asyncio.get_running_loop().time() + timeout
        self.connected = False
        """The line between NeverSent and MaybeSent."""
        self.answered: int | None = None
        self._timeout = timeout
        self._pool: Pool | None = None
        self._target: Target | None = None
        self._wire: Wire | None = None

    async def send(self, pool: Pool, target: Target, ask: _Ask) -> Wire:
        """A connection on which the head of the answer has come. It is held until :meth:`leave`."""
        await pool.enter(self.until)
        self._pool, self._target = pool, target
        async with body_for(ask.method, ask.body, ask.given) as sent:
            head = _head(ask, target, sent)
            wire = pool.kept(target)
            may_repeat = not ask.fresh and ask.method in REPEATABLE and isinstance(sent.body, bytes)
            self.connected = False
            while True:
                self._wire = wire = wire or await pool.new(target, self.until)
                self.connected = True
                try:
                    await wire.ask(ask.method, head, sent.body, self.until)
                except ConnectionError:
                    if not (may_repeat and wire.silent):
                        raise
                    wire.close()
                    wire, may_repeat = None, False
                else:
                    return wire

    def leave(self) -> None:
        """Let go of the connection: it is kept, if its exchange is over, or else closed."""
        pool, wire, target = self._pool, self._wire, self._target
        self._pool = self._wire = None
        if pool is None or target is None:
            return
        pool.leave()
        if wire is not None:
            pool.give_back(target, wire)

    def failure(self, error: Exception) -> NetError:
        """What the caller is told. Where the cause may spell the whole address, it is described and not attached."""
        if isinstance(error, NetError):
            told = error
        else:
            reason = f"{safe_url(self.ask.url)}: {reason_of(error, self._timeout)}"
            told = MaybeSent(reason) if self.connected else NeverSent(reason)
        if isinstance(told, MaybeSent):
            told.answered = self.answered
        return told


class GuardedHttp:
    """:class:`souk.net.http.Http` over real sockets.

    Each pair of policy and freshness has a pool of its own, so a connection that was made to a trusted address is never
    reused for an address that is not trusted, and requests of one kind do not take the room of the other. One that
    rested is taken for what must happen at most once only a moment after it served: a server that tires of a connection
    while a request is on its way leaves open whether it acted on it.
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
        call = _Call(ask, timeout)
        try:
            answer = await self._answered(call)
            body = await _whole(answer, max_bytes)
        except _FAILURES as error:
            raise call.failure(error) from None
        finally:
            call.leave()
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
        call = _Call(_ask("GET", url, plain, None, None, follow=follow, trusted=trusted), timeout)
        try:
            answer = await self._answered(call)
            if not 200 <= answer.status < 300:
                raise BadStatus(f"HTTP {answer.status} from {safe_url(url)}", answer.status)
            async with Spool(path, small) as spool:
                async for piece in _body(answer, max_bytes):
                    await spool.write(piece)
        except _FAILURES as error:
            raise call.failure(error) from None
        finally:
            call.leave()
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Download(spool.size, spool.sha256, media_type, answer.headers, spool.data)

    async def _answered(self, call: _Call) -> Wire:
        """The connection on which the head of the answer has come, when all redirects are followed."""
        ask = call.ask
        for _ in range(ask.follow + 1):
            policy = Policy.OPEN if ask.trusted else self._policy
            target = check_url(ask.url, policy)
            answer = await call.send(self._pool(policy, ask.fresh), target, ask)
            location = _redirect(ask, answer)
            if location is None:
                call.answered = answer.status
                return answer
            call.leave()
            ask = _redirected(ask, target, location)
        raise MaybeSent(f"{safe_url(ask.url)}: more than {ask.follow} redirects")

    def _pool(self, policy: Policy, fresh: bool) -> Pool:
        if self._closed:
            raise NeverSent("the outbound network is closed")
        pool = self._pools.get((policy, fresh))
        if pool is None:
            connector = Connector(policy, self._lookup, self._connect_timeout)
            idle = FRESH_SECONDS if fresh else IDLE_SECONDS
            pool = self._pools[policy, fresh] = Pool(connector, self._connections, idle)
        return pool


def _head(ask: _Ask, target: Target, sent: Sent) -> bytes:
    """The request line and headers. The caller's own stand in front of ours, whatever their case."""
    ours = {"Host": target.authority, **_ALWAYS, **sent.headers}
    lines = [f"{ask.method} {target.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in ours.items() if name.lower() not in ask.given]
    lines += [f"{name}: {value}" for name, value in ask.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def _whole(answer: Wire, max_bytes: int) -> bytes:
    """The body of an answer, in one. Raises TooLarge past ``max_bytes``."""
    pieces = _body(answer, max_bytes)
    if "content-encoding" in answer.headers or (whole := answer.whole(max_bytes)) is None:
        return b"".join([piece async for piece in pieces])
    return whole


def _body(answer: Wire, max_bytes: int) -> AsyncIterator[bytes]:
    """The body of an answer, decompressed. Raises TooLarge past ``max_bytes``, before reading where that is told."""
    told = answer.headers.get("content-length", "")
    if not answer.bodiless and told.isdigit() and int(told) > max_bytes:
        raise too_large(max_bytes)
    return decoded(answer.pieces(), answer.headers, max_bytes)


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
    headers = headers or {}
    for name, value in headers.items():
        if not name or not _BREAKS.isdisjoint(name + value):
            raise NeverSent(f"the header {name!r} cannot be sent: it is empty or holds a line break")
    if json is not None:
        if data is not None:
            raise TypeError("a request has either json or data")
        headers, data = {"Content-Type": "application/json", **headers}, msgspec.json.encode(json)
    given = frozenset(map(str.lower, headers))
    return _Ask(method.upper(), url, headers, given, data, fresh, follow, trusted)


def _redirect(ask: _Ask, answer: Wire) -> str | None:
    """Where to go next, or None if this answer is the one to hand back."""
    if not ask.follow or ask.method not in ("GET", "HEAD") or answer.status not in REDIRECTS:
        return None
    return answer.headers.get("location")


def _redirected(ask: _Ask, target: Target, location: str) -> _Ask:
    """The next hop. Trust and credentials stay with the origin they were meant for."""
    url = urljoin(str(target.url), location)
    if check_url(url, Policy.OPEN).origin == target.origin:
        return msgspec.structs.replace(ask, url=url)
    headers = {name: value for name, value in ask.headers.items() if name.lower() in FORWARDED_HEADERS}
    given = ask.given & FORWARDED_HEADERS
    return msgspec.structs.replace(ask, url=url, headers=headers, given=given, trusted=False)
