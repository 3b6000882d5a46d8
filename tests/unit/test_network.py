"""The closed network of the tests themselves: this process and its children reach loopback only."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from tests.network import OutboundBlocked

OUTSIDE = ("192.0.2.1", 80)  # TEST-NET-1, which leads nowhere


def test_outside_address_cannot_be_connected() -> None:
    with socket.socket() as client, pytest.raises(OutboundBlocked):
        client.connect(OUTSIDE)


def test_outside_address_cannot_be_sent_a_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OutboundBlocked):
        client.sendto(b"", OUTSIDE)


async def test_event_loop_cannot_leave_either() -> None:
    with pytest.raises(OutboundBlocked):
        await asyncio.open_connection(*OUTSIDE)


def test_outside_name_cannot_be_looked_up() -> None:
    with pytest.raises(OutboundBlocked):
        socket.getaddrinfo("souk.dev", 443)


def test_reserved_name_is_unknown_rather_than_blocked() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)


def test_loopback_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass


def test_child_process_cannot_leave() -> None:
    program = f"import socket; socket.socket().connect({OUTSIDE!r})"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "OutboundBlocked" in child.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_child_on_either_event_loop_cannot_leave(loop: str) -> None:
    program = f"""
import asyncio, {loop}, aiohttp
async def main():
    async with aiohttp.ClientSession() as session:
        await session.get("http://192.0.2.1/")
{loop}.run(main())
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "OutboundBlocked" in child.stderr


def test_no_key_or_setting_of_the_developer_is_seen() -> None:
    seen = [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("SOUK_")]
    assert set(seen) <= {"SOUK_WIRE_SAMPLES"}
