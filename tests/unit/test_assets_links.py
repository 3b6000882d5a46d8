"""How stored files are named in results, and how our own addresses are known again."""

import pytest

from souk.assets.links import link, own_path, public_link, resolve

PUBLIC = "https://souk.example/base"


def test_result_reads_with_the_address_of_the_day() -> None:
    stored = f'{{"resultUrls":["{link("seg/a.png")}","{link("seg/b.png")}"]}}'
    assert resolve(stored, PUBLIC + "/") == (
        '{"resultUrls":["https://souk.example/base/f/seg/a.png","https://souk.example/base/f/seg/b.png"]}'
    )


@pytest.mark.parametrize(
    "url",
    [
        "souk:///seg/a.png",
        "https://souk.example/base/f/seg/a.png",
        "HTTPS://Souk.Example:443/base/f/seg/a.png",
        "https://souk.example/base/f/seg/a%2Epng?download=1#top",
        public_link("seg/a.png", PUBLIC),
    ],
)
def test_our_own_address_is_known_however_it_is_spelt(url: str) -> None:
    assert own_path(url, PUBLIC) == "seg/a.png"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_every_name_of_this_machine_is_ours_on_loopback(host: str) -> None:
    assert own_path(f"http://{host}:8080/f/seg/a.png", "http://127.0.0.1:8080") == "seg/a.png"


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/base/f/seg/a.png",
        "http://souk.example/base/f/seg/a.png",
        "https://souk.example:444/base/f/seg/a.png",
        "https://souk.example/f/seg/a.png",
        "https://souk.example/base/api/v1/jobs",
        "https://souk.example/base/f/../../etc/passwd",
        "https://souk.example/base/f/seg/%2e%2e/x",
        "souk:///../x",
        "https://souk.example:port/base/f/seg/a.png",
        "data:image/png;base64,AAAA",
        "",
    ],
)
def test_other_address_is_not_ours(url: str) -> None:
    assert own_path(url, PUBLIC) is None
