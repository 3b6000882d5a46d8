"""Who asks: the bearer token, and the client's address as far as trusted proxies vouch for it."""

import pytest

from souk.api.credential import Proxies, bearer


@pytest.mark.parametrize("header", [b"Bearer k-1", b"bearer k-1", b"BEARER  k-1 ", b"Bearer Bearer k-1"])
def test_the_token_is_what_follows_bearer(header: bytes) -> None:
    assert bearer({b"authorization": header}) == "k-1"


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Basic k-1", b"k-1", b"Bearer " + b"x" * 513]
)
def test_anything_else_is_no_token(header: bytes) -> None:
    assert bearer({b"authorization": header}) == ""


def asked(trusted: str, peer: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"client": (peer, 5000) if peer is not None else None, "headers": headers}
    return Proxies(trusted).client_ip(scope)


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert asked("", "127.0.0.1", "203.0.113.9") == "127.0.0.1"


def test_a_stranger_cannot_name_another_address() -> None:
    assert asked("10.0.0.0/8", "198.51.100.7", "203.0.113.9") == "198.51.100.7"


def test_a_trusted_proxy_names_its_client() -> None:
    assert asked("10.0.0.0/8", "10.0.0.1", "203.0.113.9") == "203.0.113.9"


def test_only_the_tail_written_by_trusted_proxies_counts() -> None:
    assert asked("10.0.0.0/8", "10.0.0.1", "192.0.2.1, 203.0.113.9, 10.0.0.2") == "203.0.113.9"


def test_several_headers_are_one_list() -> None:
    assert asked("10.0.0.0/8", "10.0.0.1", "192.0.2.1", "203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize(
    ("hop", "client"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_an_address_is_read_in_every_usual_form(hop: str, client: str) -> None:
    assert asked("::1, 127.0.0.1", "::1", hop) == client


def test_an_unreadable_hop_ends_the_belief() -> None:
    assert asked("10.0.0.0/8", "10.0.0.1", "203.0.113.9, unknown") == "10.0.0.1"


def test_a_mapped_peer_is_its_ipv4_address_to_the_list() -> None:
    assert asked("10.0.0.1", "::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"


def test_an_ipv4_peer_on_a_socket_for_both_is_plain_ipv4() -> None:
    assert asked("", "::ffff:203.0.113.9") == "203.0.113.9"


def test_a_socket_without_peer_has_no_address() -> None:
    assert asked("10.0.0.0/8", None, "203.0.113.9") == ""


def test_a_setting_that_is_no_address_is_named() -> None:
    with pytest.raises(ValueError, match=r"SOUK_TRUSTED_PROXIES: .proxy\.local"):
        Proxies("10.0.0.1, proxy.local")
