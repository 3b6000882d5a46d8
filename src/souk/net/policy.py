"""Which addresses Souk may contact: every outbound request is held to these rules, twice.

Once by the spelling of its address, before anything else; once by the IP address, as it connects.
"""

import re
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec
from yarl import URL

from souk.net.http import Blocked

MAX_URL_CHARACTERS = 16_384

DENIED_PORTS = frozenset(
    {22, 23, 25, 53, 110, 111, 119, 139, 143, 389, 445, 465, 514, 587, 636, 873, 993, 995, 2049}
    | {3306, 5432, 6379, 11211, 27017}
)
"""Ports of services that are not HTTP and that a hand-written request line could harm."""


class Policy(StrEnum):
    """``SOUK_NETWORK_POLICY``. Both refuse metadata, link-local, multicast and reserved addresses."""

    OPEN = "open"
    """This machine and its network may be contacted."""
    PRIVATE_DENIED = "private-denied"
    """Only public addresses may be contacted."""


def _v4(*networks: str) -> tuple[IPv4Network, ...]:
    return tuple(map(IPv4Network, networks))


def _v6(*networks: str) -> tuple[IPv6Network, ...]:
    return tuple(map(IPv6Network, networks))


# Link-local space holds the metadata service of most clouds; the single addresses are those of
# Alibaba, Azure, Oracle, AWS, Google and Oracle again, which lie elsewhere.
_METADATA = (
    *_v4("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
    *_v6("fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128"),
)
_UNUSABLE = (
    *_v4("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"),
    *_v6("::/128", "ff00::/8", "fec0::/10", "100::/64", "64:ff9b:1::/48"),
)
# The IANA special-purpose registries: what is not globally reachable.
_PRIVATE = (
    *_v4("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *_v4("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
    *_v4("203.0.113.0/24"),
    *_v6("::1/128", "fc00::/7", "2001::/23", "2001:db8::/32", "3fff::/20"),
)
_PLAIN = re.compile(
    r"(https?://[a-z0-9.-]+(?::[0-9]{1,5})?)(/[\w.~!$&'()*+,;=:@/-]*(?:\?[\w.~!$&'()*+,;=:@/?-]*)?)", re.ASCII
)
"""An address that every parser reads alike, as its origin and the rest."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNFIT = re.compile(r'[ "<>\\^`{|}]')
"""What a request line cannot hold as it is."""
_ASSIGNED_V6 = _v6("2000::/3", "fc00::/7", "::1/128")

# Prefixes whose last 32 bits are an IPv4 address: mapped, translated, NAT64, compatible.
_V4_IN_LAST_BITS = _v6("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")


class Target(msgspec.Struct, frozen=True):
    """A checked address. It is spelt as the caller spelt it, so signed queries stay valid."""

    scheme: str
    host: str
    port: int
    authority: str
    """What a request names as its host."""
    path: str
    """With the query; what a request asks for."""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def url(self) -> URL:
        return URL(f"{self.scheme}://{self.authority}{self.path}", encoded=True)


def check_url(url: str, policy: Policy) -> Target:
    """Refuse an address that may not be contacted, as far as its spelling tells. Raises Blocked.

    A host name is judged again, by what it resolves to, when the connection is made.
    """
    plain = _PLAIN.fullmatch(url) if len(url) <= MAX_URL_CHARACTERS else None
    if plain is None or "/." in plain[2]:
        return _judged(url, policy)
    # Nothing in such a path says where it leads: the same few origins need not be judged again.
    known = _origin(plain[1], policy)
    return Target(known.scheme, known.host, known.port, known.authority, plain[2])


@lru_cache(maxsize=1024)
def _origin(origin: str, policy: Policy) -> Target:
    return _judged(f"{origin}/", policy)


def _judged(url: str, policy: Policy) -> Target:
    parsed = _parsed(url)
    if parsed.scheme not in ("http", "https"):
        raise Blocked("only http and https addresses can be contacted")
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise Blocked("the address carries a user name or password; send credentials in a header")
    host, port = (parsed.raw_host or "").removesuffix("."), parsed.port or 0
    if port in DENIED_PORTS or not port:
        raise Blocked(f"port {port} is not one that HTTP is served on; use another port")
    literal = _literal(host)
    if literal is not None:
        check_address(literal, policy, host)
    spelt = _as_spelt(url, parsed)
    return Target(spelt.scheme, host, port, spelt.host_port_subcomponent or "", spelt.raw_path_qs)


def is_address(host: str) -> bool:
    """Whether the host of a checked address is an IP address and no name."""
    return _literal(host) is not None


# The same few addresses are contacted over and over, and judging one takes as long as sending a request to it.
@lru_cache(maxsize=1024)
def check_address(address: str | IPv4Address | IPv6Address, policy: Policy, host: str = "") -> None:
    """Refuse an IP address that may not be contacted. Raises Blocked, naming ``host``."""
    ip = ip_address(address)
    name = host or str(ip)
    if isinstance(ip, IPv6Address):
        ip = IPv6Address(int(ip))  # without its zone
        inner = _embedded(ip)
        for each in inner:
            check_address(each, policy, name)
        if not inner and not _within(ip, (*_ASSIGNED_V6, *_METADATA, *_UNUSABLE)):
            raise Blocked(f"{name} is in reserved address space, which Souk never contacts")
    if _within(ip, _METADATA):
        raise Blocked(f"{name} is a metadata or link-local address, which Souk never contacts")
    if _within(ip, _UNUSABLE):
        raise Blocked(f"{name} is an unspecified, multicast or reserved address, which Souk never contacts")
    if policy is Policy.PRIVATE_DENIED and _within(ip, _PRIVATE):
        raise Blocked(
            f"{name} is a private address and the network policy is private-denied; "
            "use a public address, or set SOUK_NETWORK_POLICY=open if Souk may reach its own network"
        )


def safe_url(url: str) -> str:
    """The address as it may be logged: no query string, no fragment, no credentials."""
    try:
        parsed = URL(url)
    except ValueError:
        return "(not an address)"
    return (
        str(parsed.with_user(None).with_query(None).with_fragment(None)) if parsed.absolute else parsed.path
    )


def query_values(url: str) -> list[str]:
    """What an address carries behind its path, whole and by value: often a token, never for other eyes."""
    try:
        parsed = URL(url)
    except ValueError:
        return []
    found = [parsed.raw_query_string, parsed.query_string, *parsed.query.values()]
    return [text for text in found if text]


def _parsed(url: str) -> URL:
    if len(url) > MAX_URL_CHARACTERS:
        raise Blocked(f"the address is longer than {MAX_URL_CHARACTERS} characters")
    if _CONTROL.search(url):
        raise Blocked("the address contains control characters")
    try:
        parsed = URL(url)
    except ValueError:
        raise Blocked("this is not a valid http or https address") from None
    if parsed.scheme and not parsed.raw_host:
        raise Blocked("the address names no host")
    return parsed


def _as_spelt(url: str, parsed: URL) -> URL:
    """The caller's own percent-encoding, where the spelling is already fit for a request line."""
    if url == str(parsed) or not url.isascii() or _UNFIT.search(url):
        return parsed
    spelt = URL(url, encoded=True)
    same = (spelt.scheme, spelt.raw_host, spelt.port) == (parsed.scheme, parsed.raw_host, parsed.port)
    return spelt if same else parsed


@lru_cache(maxsize=1024)
def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address a host spells, or None for a name. Disguised spellings are refused."""
    if ":" in host and "%" not in host:
        return _strict(IPv6Address, host)
    if not host or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in host):
        raise Blocked("the host of the address is not a valid name")
    last = host.rpartition(".")[2].lower()
    # The URL standard's rule: a host whose last label is a number is an IPv4 address in some notation.
    if last.isdigit() or (last.startswith("0x") and all(c in "0123456789abcdef" for c in last[2:])):
        return _strict(IPv4Address, host)
    return None


def _strict(kind: type[IPv4Address] | type[IPv6Address], host: str) -> IPv4Address | IPv6Address:
    try:
        return kind(host)
    except ValueError:
        raise Blocked(f"{host} is not an IP address in its plain form, such as 192.0.2.7") from None


def _embedded(ip: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses an IPv6 address leads to by way of a gateway or a dual-stack socket."""
    bits = int(ip)
    if bits > 1 and _within(ip, _V4_IN_LAST_BITS):
        return [IPv4Address(bits & 0xFFFF_FFFF)]
    if ip in _SIX_TO_FOUR:
        return [IPv4Address(bits >> 80 & 0xFFFF_FFFF)]
    if ip in _TEREDO:  # server, then client with its bits flipped (RFC 4380)
        return [IPv4Address(bits >> 64 & 0xFFFF_FFFF), IPv4Address(~bits & 0xFFFF_FFFF)]
    return []


def _within(ip: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(ip in network for network in networks)
