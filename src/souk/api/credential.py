"""Who asks: the bearer token of a request, and the address it really came from."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import Scope

LONGEST_TOKEN: Final = 512
FORWARDING: Final = (b"x-forwarded-for", b"forwarded", b"x-forwarded-host", b"x-real-ip")
"""Headers that only a proxy adds: this server is then reachable from elsewhere, whatever it is bound to."""

_MAPPED: Final = "::ffff:"
"""How an IPv4 peer looks on a socket that takes both."""

_Network = IPv4Network | IPv6Network


def bearer(headers: Mapping[bytes, bytes]) -> str:
    """The token of ``Authorization: Bearer …``; empty when there is none."""
    return bearer_token(headers.get(b"authorization", b""))


def bearer_token(value: bytes) -> str:
    """The token of ``Bearer …``; empty for anything else.

    Whoever sets ``Bearer <key>`` as the key, as the market's guide for Claude Code has it, has clients say it twice.
    """
    token = value
    while token[:7].lower() == b"bearer ":
        token = token[7:].strip()
    return token.decode("latin-1") if token is not value and len(token) <= LONGEST_TOKEN else ""


class Proxies:
    """The proxies whose word about a client's address is believed."""

    def __init__(self, trusted: str) -> None:
        """``trusted`` lists addresses and networks with commas. Raises ValueError naming a bad one."""
        self._trusted = [_network(entry.strip()) for entry in trusted.split(",") if entry.strip()]

    def client_ip(self, scope: Scope) -> str:
        """The address of the client: the peer, or what trusted proxies say about whom they serve."""
        client = scope.get("client")
        peer: str = client[0].removeprefix(_MAPPED) if client else ""
        if not self._trusted or not self._is_trusted(peer):
            return peer
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode(
            "latin-1"
        )
        hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
        # Each proxy appends whom it heard from, so only the tail written by trusted ones can be believed.
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                return peer
            peer = str(address)
            if not self._is_trusted(peer):
                break
        return peer

    def _is_trusted(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._trusted)


def _network(entry: str) -> _Network:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(f"SOUK_TRUSTED_PROXIES: {entry!r} is not an address or network") from None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:  # IPv4 with a port
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
