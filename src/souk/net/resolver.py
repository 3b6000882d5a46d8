"""Names to addresses, as a connection is made: an answer the policy refuses is never connected to.

This is what stops a name that looks public and resolves, or later re-resolves, to a private address:
the addresses checked here are the very ones the connection uses.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from souk.net.http import Blocked
from souk.net.policy import Policy, check_address

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to IP addresses, in order of preference. Raises OSError."""

LOOKUP_THREADS = 8
"""Look-ups block a thread each; a pool of their own keeps a slow name server from holding up file work."""


class SystemLookup:
    """The operating system's resolver."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, "souk-lookup")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _addresses, host, port)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedResolver(AbstractResolver):
    """Keeps, of the addresses a name has, those the policy allows. Raises Blocked when none is left."""

    def __init__(self, policy: Policy, lookup: Lookup) -> None:
        self._policy = policy
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        allowed: list[ResolveResult] = []
        blocked: Blocked | None = None
        for address in dict.fromkeys(await self._lookup(host, port)):
            try:
                check_address(address, self._policy, host)
            except Blocked as reason:
                blocked = reason
                continue
            result = _result(host, address, port)
            if family in (socket.AF_UNSPEC, result["family"]):
                allowed.append(result)
        if not allowed:
            raise blocked or OSError(f"{host} has no address")
        return allowed

    async def close(self) -> None:
        """Nothing to close: the look-up belongs to whoever made it."""


def _addresses(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
