"""Which addresses may be contacted, by their spelling and by the IP address behind it."""

import pytest

from souk.net.http import Blocked, NeverSent
from souk.net.policy import Policy, check_address, check_url, safe_url

OPEN, DENIED = Policy.OPEN, Policy.PRIVATE_DENIED

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fd00:ec2::254",
    "fd20:ce::254",
]
UNUSABLE = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"]
UNUSABLE_V6 = ["::", "ff02::1", "fec0::1", "100::1", "4000::1", "64:ff9b:1::7f00:1"]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.254",
    "198.18.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("address", METADATA + UNUSABLE + UNUSABLE_V6)
def test_metadata_and_reserved_addresses_are_refused_under_every_policy(address: str, policy: Policy) -> None:
    with pytest.raises(Blocked, match="never contacts"):
        check_address(address, policy)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_refused_when_private_is_denied(address: str) -> None:
    with pytest.raises(Blocked, match="SOUK_NETWORK_POLICY=open"):
        check_address(address, DENIED)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_allowed_when_open(address: str) -> None:
    check_address(address, OPEN)


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed_under_every_policy(address: str, policy: Policy) -> None:
    check_address(address, policy)


WRAPPINGS = {
    "mapped": "::ffff:{a:x}:{b:x}",
    "translated": "::ffff:0:{a:x}:{b:x}",
    "compatible": "::{a:x}:{b:x}",
    "nat64": "64:ff9b::{a:x}:{b:x}",
    "6to4": "2002:{a:x}:{b:x}::1",
    "teredo server": "2001:0:{a:x}:{b:x}:0:0:f7f7:f7f7",
    "teredo client": "2001:0:808:808:0:0:{na:x}:{nb:x}",
}


def wrapped(form: str, a: int, b: int) -> str:
    return WRAPPINGS[form].format(a=a, b=b, na=a ^ 0xFFFF, nb=b ^ 0xFFFF)


@pytest.mark.parametrize("form", WRAPPINGS)
@pytest.mark.parametrize("policy", Policy)
def test_metadata_address_inside_ipv6_is_refused_under_every_policy(form: str, policy: Policy) -> None:
    with pytest.raises(Blocked, match="metadata"):
        check_address(wrapped(form, 0xA9FE, 0xA9FE), policy)


@pytest.mark.parametrize("form", WRAPPINGS)
def test_loopback_inside_ipv6_is_refused_when_private_is_denied(form: str) -> None:
    with pytest.raises(Blocked, match="private"):
        check_address(wrapped(form, 0x7F00, 1), DENIED)


@pytest.mark.parametrize("form", ["mapped", "translated", "nat64", "6to4"])
def test_public_address_inside_ipv6_is_allowed(form: str) -> None:
    check_address(wrapped(form, 0x0808, 0x0808), DENIED)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "127.0.0.0x1",
        "0x",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::1]",
        "[fe80::1%25eth0]",
        "256.1.1.1",
        "1.2.3.4.5",
        "foo.0x1",
    ],
)
def test_disguised_address_is_refused(host: str) -> None:
    with pytest.raises(Blocked):
        check_url(f"http://{host}/", DENIED)


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
def test_disguised_metadata_address_is_refused_even_when_open(host: str) -> None:
    with pytest.raises(Blocked):
        check_url(f"http://{host}/latest/meta-data/", OPEN)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/plain,hello",
        "example.com/a",
        "//example.com/a",
        "/a",
        "",
        "http://",
        "http:///a",
        "http://user:secret@example.com/",
        "http://user@example.com/",
        "http://:secret@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://exa mple.com/",
        "http://exa\nmple.com/",
        "http://example.com/\r\nX-Injected: 1",
        "http://example%00.com/",
        "http://[::1",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com/" + "a" * 20_000,
    ],
)
def test_address_that_is_not_plain_http_is_refused(url: str) -> None:
    with pytest.raises(Blocked):
        check_url(url, OPEN)


@pytest.mark.parametrize("port", [22, 25, 3306, 5432, 6379])
def test_port_of_another_protocol_is_refused(port: int) -> None:
    with pytest.raises(Blocked, match=f"port {port} "):
        check_url(f"http://example.com:{port}/", OPEN)


@pytest.mark.parametrize("port", [80, 443, 3000, 8080, 9000, 65535])
def test_unusual_port_is_allowed(port: int) -> None:
    assert check_url(f"http://example.com:{port}/", DENIED).port == port


@pytest.mark.parametrize(
    "host", ["localhost", "souk.internal", "a_b.example.com", "bücher.example", "3com.com"]
)
def test_name_is_left_to_the_resolver(host: str) -> None:
    assert check_url(f"https://{host}/", DENIED).port == 443


def test_signed_query_keeps_its_spelling() -> None:
    url = "https://files.example.com/a%2Fb?X-Amz-Credential=K%2F2026&sig=a%2Bb%3D"
    assert str(check_url(url, DENIED).url) == url


def test_unfit_characters_are_encoded() -> None:
    assert str(check_url("https://example.com/a b?q=é", DENIED).url) == "https://example.com/a%20b?q=%C3%A9"


def test_blocked_means_never_sent() -> None:
    assert issubclass(Blocked, NeverSent)


def test_resolved_address_is_not_told_to_whoever_asked() -> None:
    with pytest.raises(Blocked) as refused:
        check_address("10.1.2.3", DENIED, "db.example.com")
    assert "10.1.2.3" not in str(refused.value)
    assert "db.example.com" in str(refused.value)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://user:pw@example.com/a?key=secret#frag", "https://example.com/a"),
        ("https://example.com/a", "https://example.com/a"),
        ("http://[::1", "(not an address)"),
        ("/a?key=secret", "/a"),
    ],
)
def test_logged_address_has_no_secret(url: str, safe: str) -> None:
    assert safe_url(url) == safe
