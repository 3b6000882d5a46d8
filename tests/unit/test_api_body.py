"""Reading bodies: bounded while they arrive, then well-formed, not too deep, and storable."""

import json
import time
from typing import Any

import pytest
from starlette.types import Message

from souk.api.body import Disconnected, parse_object, read
from souk.dialects.envelope import Rejected


class Wire:
    """The server's side of a request body: hands out chunks and counts how many were taken."""

    def __init__(self, *chunks: bytes, then: str = "http.request") -> None:
        last = len(chunks) - 1
        self.messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": then == "http.disconnect" or number < last}
            for number, chunk in enumerate(chunks)
        ]
        if then == "http.disconnect":
            self.messages.append({"type": then})
        self.taken = 0

    async def __call__(self) -> Message:
        self.taken += 1
        return self.messages[self.taken - 1]


def rejected(body: bytes, depth: int = 32) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse_object(body, depth)
    return caught.value


async def test_chunks_are_joined() -> None:
    assert await read(Wire(b'{"a"', b":1", b"}"), None, 100) == b'{"a":1}'


async def test_a_body_declared_too_large_is_refused_unread() -> None:
    wire = Wire(b"x" * 200)
    with pytest.raises(Rejected) as caught:
        await read(wire, b"200", 100)
    assert (caught.value.code, caught.value.status, wire.taken) == (413, 413, 0)


async def test_an_undeclared_body_is_refused_at_the_limit_not_at_its_end() -> None:
    wire = Wire(*[b"x" * 60] * 10)
    with pytest.raises(Rejected):
        await read(wire, None, 100)
    assert wire.taken == 2


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert len(await read(Wire(b"x" * 60, b"x" * 40), None, 100)) == 100


async def test_a_client_that_leaves_midway_gets_no_answer() -> None:
    with pytest.raises(Disconnected):
        await read(Wire(b'{"a"', then="http.disconnect"), None, 100)


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert parse_object(b'{"a":1,"a":2}', 32) == {"a": 2}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[1]",
        b'"text"',
        b"null",
        b'{"a":NaN}',
        b'{"a":1} x',
        b'{"a":"\xff"}',
        b'{"a":"\x00"}',
        rb'{"a":"\ud800"}',
        rb'{"a":"\ud800 and more"}',
        rb'{"a":"\udc00"}',
        rb'{"a":"\u0000"}',
        rb'{"a\u0000":1}',
        rb'{"a":"\\\u0000"}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_what_cannot_be_read_or_stored_is_malformed(body: bytes) -> None:
    rejection = rejected(body)
    assert (rejection.code, rejection.error, rejection.status) == (400, "malformed_body", 200)


@pytest.mark.parametrize("body", [rb'{"a":"\\u0000"}', rb'{"a":"\\\\u0000"}', rb'{"a":"\ud83d\ude00"}'])
def test_what_only_looks_unstorable_is_taken(body: bytes) -> None:
    assert parse_object(body, 32) == json.loads(body)


def nested(depth: int) -> bytes:
    """An object whose deepest value lies this many levels down, lists and objects by turns."""
    value: Any = 1
    for level in range(depth - 1):
        value = [value] if level % 2 else {"k": value}
    return json.dumps({"a": value}).encode()


@pytest.mark.parametrize("depth", [1, 2, 5, 6, 7, 20])
def test_nesting_is_counted_exactly(depth: int) -> None:
    parse_object(nested(depth), depth)
    assert "nested" in rejected(nested(depth + 1), depth).text


def test_brackets_inside_texts_are_not_nesting() -> None:
    body = json.dumps({"a": '[{"\\[' * 50, "b": "]" * 50}).encode()
    assert parse_object(body, 4)["b"] == "]" * 50


def test_many_flat_lists_are_not_deep() -> None:
    assert len(parse_object(json.dumps({"a": [[]] * 1000}).encode(), 4)["a"]) == 1000


def test_nesting_past_the_parsers_own_limit_is_refused() -> None:
    assert "nested" in rejected(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}").text


def test_too_many_values_are_refused_before_they_are_built() -> None:
    assert "values" in rejected(b'{"a":[' + b"0," * 100_001 + b"0]}").text
    assert "values" in rejected(b'{"a":[' + b"[]," * 60_000 + b"0]}").text


def test_commas_inside_texts_are_not_values() -> None:
    body = json.dumps({"a": ',"[' * 200_000}).encode()
    assert len(parse_object(body, 32)["a"]) == 600_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":[' + b'["\\\\",{}],' * 500_000 + b"0]}", id="small lists"),
        pytest.param(b'{"a":[' + b"[[[[[[[[]]]]]]]]," * 300_000 + b"0]}", id="nested lists"),
        pytest.param(b'{"a":"' + b'\\"' * 2_000_000, id="a text left open"),
        pytest.param(b'{"a":"' + b'\\"' * 2_000_000 + b"[" * 40 + b"\\", id="a text left open in an escape"),
        pytest.param(b'{"a":"' + b"[,\\\\" * 2_000_000 + b"u0000", id="backslashes"),
    ],
)
def test_a_hostile_body_of_full_size_is_refused_in_a_moment(body: bytes) -> None:
    started = time.process_time()
    assert rejected(body).error == "malformed_body"
    assert time.process_time() - started < 1
