"""The network between the simulated processes and the world: it delays, refuses, swallows requests and answers."""
# ruff: noqa: ASYNC109, ASYNC240 - a timeout is part of a request; nobody waits while a file is written

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import msgspec

from souk.net.http import BadStatus, Download, MaybeSent, NeverSent, Response
from tests.simulation.loop import SimLoop

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    """What reaches a host."""

    sender: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    begun: float
    """When the sender began the call; much earlier than now if its process was stopped in between."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a host does with a request. ``lost``: it acts, and nobody hears of it."""

    status: int
    told: Any = None
    seconds: float = 0.0
    """How long it takes to answer."""
    retry_after: int | None = None
    lost: bool = False


Host = Callable[[Request], Reply]


@dataclass
class Network:
    """Who can be reached by name, and how badly."""

    loop: SimLoop
    chance: Random
    hosts: dict[str, Host] = field(default_factory=dict[str, Host])
    cuts: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Pairs of process and host that hear nothing of each other."""
    loss: float = 0.0
    """The share of exchanges that break at some point."""


class SimHttp:
    """:class:`souk.net.http.Http` of one process. ``sending`` is told just before bytes leave."""

    def __init__(self, network: Network, sender: str, sending: Callable[[], None]) -> None:
        self._network = network
        self._sender = sender
        self._sending = sending

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        timeout: float,
        max_bytes: int,
        fresh: bool = False,
        follow: int = 0,
        trusted: bool = False,
    ) -> Response:
        reply = await self._exchange(method, url, headers or {}, data if json is None else json, timeout)
        told = {} if reply.retry_after is None else {"retry-after": str(reply.retry_after)}
        return Response(reply.status, told, _encode(reply.told))

    submit = request

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
        reply = await self._exchange("GET", url, headers or {}, None, timeout)
        if reply.status != 200:
            raise BadStatus(f"HTTP {reply.status}", reply.status)
        path.write_bytes(reply.told)
        digest = hashlib.sha256(reply.told).hexdigest()
        return Download(len(reply.told), digest, "image/png", {"content-length": str(len(reply.told))})

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Any, timeout: float
    ) -> Reply:
        network, loop = self._network, self._network.loop
        parts = urlsplit(url)
        host = parts.hostname or ""
        request = Request(self._sender, method, parts.path, headers, body, loop.time())
        connected = False
        try:
            async with asyncio.timeout(timeout):
                await asyncio.sleep(loop.moment())
                chance = network.chance.random()
                if (self._sender, host) in network.cuts or chance < network.loss / 4:
                    raise NeverSent("simulated: no connection")
                self._sending()
                await asyncio.sleep(loop.moment())
                connected = True
                answer: asyncio.Future[Reply] = loop.create_future()
                lost = chance < network.loss
                loop.call_outside(loop.moment(), self._arrive, host, request, answer, lost)
                return await answer
        except TimeoutError:
            raise (MaybeSent if connected else NeverSent)("simulated: no answer in time") from None

    def _arrive(self, host: str, request: Request, answer: "asyncio.Future[Reply]", lost: bool) -> None:
        network = self._network
        if (self._sender, host) in network.cuts:
            return
        if lost and network.chance.random() < 0.3:
            network.loop.call_outside(0, _end, answer, MaybeSent("simulated: reset before it arrived"))
            return
        reply = network.hosts[host](request)
        if (lost or reply.lost) and network.chance.random() < 0.3:
            return
        end = MaybeSent("simulated: reset after it arrived") if lost or reply.lost else reply
        network.loop.call_outside(reply.seconds + network.loop.moment(), _end, answer, end)


def _end(answer: "asyncio.Future[Reply]", end: Reply | Exception) -> None:
    if answer.done():
        return
    if isinstance(end, Exception):
        answer.set_exception(end)
    else:
        answer.set_result(end)
