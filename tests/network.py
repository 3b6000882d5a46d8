"""The closed network of a test run: an audit hook that lets this process reach loopback and nothing else.

Child Pythons close theirs too, because ``tests/child/sitecustomize.py`` is on their path.
"""

import ipaddress
import socket
import sys
from typing import Any

RESERVED_SUFFIXES = (".invalid", ".test", ".example")
"""Top-level names that no name server knows (RFC 2606), so tests may look them up and find nothing."""


class OutboundBlocked(RuntimeError):
    """A test tried to leave the machine. No OSError, so that code which survives those cannot hide it."""


def close_network() -> None:
    """Refuse connections, datagrams and look-ups beyond loopback, for the rest of the process."""
    sys.addaudithook(_refuse_outbound)


def _refuse_outbound(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        # Unix sockets carry a path, not a tuple; a connected socket's sendmsg carries no address.
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise OutboundBlocked(f"tests may reach loopback only, not {address!r}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _refuse_lookup(arguments[0])


def _refuse_lookup(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host or "localhost"
    if is_loopback(name) or _is_address(name):
        return
    if name.endswith(RESERVED_SUFFIXES):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    raise OutboundBlocked(f"tests may look up no outside name, not {name!r}")


def is_loopback(host: str) -> bool:
    """Whether a literal address or name stays on this machine (the unspecified address does)."""
    if host in ("localhost", "") or host.endswith(".localhost"):
        return True
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host.partition("%")[0])
    return address.is_loopback or address.is_unspecified


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
