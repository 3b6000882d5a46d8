"""What operators are shown of owners' addresses: the place, never the token."""

from typing import Any

import pytest

from souk.operations.discretion import discreet_record, discreet_url
from souk.operations.records import Record


def record(**facts: Any) -> Record:
    nothing: dict[str, Any] = dict.fromkeys(Record.__struct_fields__)
    return Record(**nothing | facts)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/hook", "https://a.example/hook"),
        ("https://a.example/hook?sig=canary", "https://a.example/hook?***"),
        ("https://a.example/hook?canary#canary", "https://a.example/hook?***"),
        ("https://someone:canary@a.example/hook", "https://a.example/hook"),
        ("http://[::1?canary", "(not an address)?***"),
    ],
)
def test_an_address_is_shown_as_far_as_its_path(url: str, shown: str) -> None:
    assert discreet_url(url) == shown


def test_every_address_of_a_record_is_shown_so_and_nothing_else_is_touched() -> None:
    address, data = "HTTPS://a.example/cat.png?sig=canary", "data:image/png;base64,AAAA?"
    given = {"prompt": "why?", "n": 2, "image": data, "elements": [{"urls": [address]}]}
    seen = discreet_record(record(input=given, callback_url=address))
    assert seen.input == {**given, "elements": [{"urls": ["https://a.example/cat.png?***"]}]}
    assert (seen.callback_url, seen.progress_url) == ("https://a.example/cat.png?***", None)
