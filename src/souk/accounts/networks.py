"""IP allowlists of keys: reading what an operator typed, and asking whether a caller is on the list."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class BadNetwork(ValueError):
    """A text that is neither an IP address nor a network."""


def canonical(text: str) -> str:
    """An address or network (CIDR) in its one spelling. Raises BadNetwork."""
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        raise BadNetwork(
            f"{text!r} is neither an IP address nor a network such as 203.0.113.0/24 or 2001:db8::/32"
        ) from None


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of a stored allowlist."""
    return tuple(ip_network(text) for text in texts)


def contains(allowed: Sequence[Network], ip: str) -> bool:
    """Whether a caller's address is on the list. What is no IP address (a Unix socket, say) is not."""
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # how a dual-stack socket names an IPv4 caller
    return any(address in network for network in allowed)
