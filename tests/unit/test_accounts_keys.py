"""API keys as texts, and the allowlists they come with."""

import re

import pytest

from souk.accounts import keys, networks
from souk.words import Mode


def test_made_keys_differ_and_are_long() -> None:
    made = {keys.make_key(Mode.LIVE) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"sk-souk-[0-9A-Za-z]{32}", key) for key in made)


def test_sandbox_key_is_told_by_its_prefix() -> None:
    assert keys.make_key(Mode.SANDBOX).startswith("sk-souk-sandbox-")


def test_hint_hides_most_of_a_key() -> None:
    key = keys.make_key(Mode.LIVE)
    assert keys.hint_of(key) == f"{key[:10]}…{key[-4:]}"


def test_hint_of_a_short_key_shows_only_its_start() -> None:
    assert keys.hint_of("hunter2hunter2") == "hu…"


@pytest.mark.parametrize("key", ["short", "has a space in it", "ключ-по-русски", "x" * 300, "line\nbreak!"])
def test_key_that_cannot_travel_in_a_header_is_refused(key: str) -> None:
    with pytest.raises(keys.BadKey):
        keys.check_given(key)


def test_any_key_of_eight_characters_is_taken() -> None:
    assert keys.check_given("8charact") == "8charact"


@pytest.mark.parametrize(
    ("allowed", "ip", "expected"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.0/24", "203.0.113.200", True),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("0.0.0.0/0", "not an address", False),
        ("0.0.0.0/0", "", False),
    ],
)
def test_allowlist_knows_who_is_on_it(allowed: str, ip: str, expected: bool) -> None:
    assert networks.contains(networks.networks([networks.canonical(allowed)]), ip) is expected


def test_network_is_kept_in_one_spelling() -> None:
    assert networks.canonical(" 203.0.113.9/24 ") == "203.0.113.0/24"


def test_what_is_no_network_is_refused_by_name() -> None:
    with pytest.raises(networks.BadNetwork, match="office"):
        networks.canonical("office")
