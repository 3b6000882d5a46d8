"""Making connections: the name looked up and judged, its addresses tried side by side, TLS on top."""

import asyncio
import ssl
from collections.abc import Coroutine, Sequence
from functools import cache
from typing import Any

from souk.net.policy import Policy, Target, is_address
from souk.net.resolver import GuardedResolver, Lookup
from souk.net.wire import Wire

DNS_SECONDS = 10.0
"""How long a resolved address may be used again; it was checked when it was resolved."""
NEXT_ADDRESS_SECONDS = 0.25
"""How long an address is tried before the next is tried beside it (RFC 8305)."""


class Unresolved(OSError):
    """The name has no address, or nobody could say."""


class NotConnected(OSError):
    """No address of the host took the connection."""


class TooSlow(NotConnected):
    """No address took it in time."""


class Connector:
    """Connects under one policy."""

    def __init__(self, policy: Policy, lookup: Lookup, timeout: float) -> None:
        self._resolver = GuardedResolver(policy, lookup)
        self._timeout = timeout
        self._known: dict[tuple[str, int], tuple[float, Sequence[str]]] = {}
        """When addresses cease to be good, and which they are."""
        self._looking: dict[tuple[str, int], asyncio.Task[Sequence[str]]] = {}

    async def connect(self, target: Target, until: float) -> Wire:
        """A new connection. Raises Blocked, Unresolved, NotConnected, ssl.SSLError or TimeoutError."""
        if is_address(target.host):
            addresses = [target.host]
        else:
            async with asyncio.timeout_at(until):
                addresses = await self._addresses(target)
        try:
            async with asyncio.timeout_at(min(until, asyncio.get_running_loop().time() + self._timeout)):
                return await _first([_connected(address, target) for address in addresses])
        except TimeoutError:
            raise TooSlow("no connection in time") from None

    async def _addresses(self, target: Target) -> Sequence[str]:
        key = (target.host, target.port)
        until, addresses = self._known.get(key, (0.0, ()))
        if asyncio.get_running_loop().time() < until:
            return addresses
        looking = self._looking.get(key)
        if looking is None:
            looking = self._looking[key] = asyncio.ensure_future(self._look_up(key))
            looking.add_done_callback(lambda _: self._looking.pop(key, None))
        return await asyncio.shield(looking)

    async def _look_up(self, key: tuple[str, int]) -> Sequence[str]:
        try:
            results = await self._resolver.resolve(*key)
        except OSError as error:
            raise Unresolved(str(error)) from error
        addresses = [result["host"] for result in results]
        self._known[key] = (asyncio.get_running_loop().time() + DNS_SECONDS, addresses)
        return addresses

    async def aclose(self) -> None:
        """Stop looking up."""
        looking = list(self._looking.values())
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)


async def _connected(address: str, target: Target) -> Wire:
    tls = _tls() if target.scheme == "https" else None
    wire = Wire()
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: wire, address, target.port, ssl=tls, server_hostname=target.host if tls else None
        )
    except BaseException as error:
        wire.close()  # a caller who gave up may have done so just when it stood
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError | TimeoutError):
            raise NotConnected(error.errno, error.strerror or "no reason given") from error
        raise
    return wire


async def _first(attempts: Sequence[Coroutine[Any, Any, Wire]]) -> Wire:
    """The first connection that stands; each next attempt starts a moment after the last, or when all have failed."""
    if len(attempts) == 1:
        return await attempts[0]
    waiting, running = list(attempts), set[asyncio.Task[Wire]]()
    errors: list[BaseException] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(waiting.pop(0)))
            patience = NEXT_ADDRESS_SECONDS if waiting else None
            done, running = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            made = [task for task in done if task.exception() is None]
            running |= set(made[1:])
            if made:
                return made[0].result()
            errors += [error for task in done if (error := task.exception()) is not None]
        raise errors[0]
    finally:
        for attempt in waiting:
            attempt.close()
        for task in running:
            task.cancel()
            task.add_done_callback(_dropped)


def _dropped(task: asyncio.Task[Wire]) -> None:
    """Close a connection that was made too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
