"""Folders and names of uploads: what is taken as given, what is refused, and what is made up."""

import re
from random import Random

import pytest

from souk.assets.links import own_path, upload_link
from souk.assets.names import BadName, extension_in, folder_of, link_of, name_in, name_of, random_name
from souk.words import Millis


@pytest.mark.parametrize(
    "folder", ["images", "a/b/c", "uploads/x.jpg", ".hidden", "ảnh/картинки", "a b", "v1..2"]
)
def test_folder_is_taken_as_given(folder: str) -> None:
    assert folder_of(folder) == folder


def test_slash_at_the_end_of_a_folder_is_passed_over() -> None:
    assert folder_of("images/") == "images"


def test_names_that_look_alike_are_one_name() -> None:
    assert name_of("e\u0301.png") == name_of("\u00e9.png")


@pytest.mark.parametrize("name", ["Screenshot 9.41\u202fAM.png", "👩\u200d🎨.png", "100%.png", "a;b=c.png"])
def test_name_that_people_have_is_taken(name: str) -> None:
    assert name_of(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "a/b", "%2e%2e", "%2E%2E%2fx", "a\0", "a\u2028b", "\ud800"]
)
def test_name_that_could_do_harm_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        name_of(name)


def test_random_name_has_the_form_of_the_wire() -> None:
    made = {random_name(Millis(1_772_096_130_412), Random(seed), "png") for seed in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"1772096130412-[0-9a-z]{11}\.png", name) for name in made)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/b%20c.jpg?x=1#y", "b c.jpg"),
        ("https://example.org/a/", None),
        ("https://example.org/photo", None),
        ("https://example.org/..%2fx.png", None),
    ],
)
def test_name_at_the_end_of_an_address_is_found(url: str, name: str | None) -> None:
    assert name_in(url) == name


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.PNG", "png"), ("a", ""), ("a.tar.gz", "gz"), (".png", ""), ("a.p/g", ""), ("a.é", "")],
)
def test_only_a_plain_extension_is_one(name: str, extension: str) -> None:
    assert extension_in(name) == extension


def test_link_of_an_upload_leads_back_to_it() -> None:
    link = link_of("0123", "фото", "50% #1?.png")
    for public in ("http://127.0.0.1:8080", "https://souk.example/base/"):
        assert own_path(upload_link(link, public), public) == link


@pytest.mark.parametrize("path", ["/kieai/a%00b", "/kieai/a%0ab", "/kieaix/a/b", "/kieai"])
def test_address_that_no_upload_has_is_not_ours(path: str) -> None:
    assert own_path(f"http://127.0.0.1:8080{path}", "http://127.0.0.1:8080") is None
