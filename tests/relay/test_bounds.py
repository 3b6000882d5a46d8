"""What a request is let in for: enough for what it can cost, and not absurdly more."""

import json
from typing import Any

import pytest

from souk.catalog import load_catalog
from souk.catalog.chat import ChatPrice, Usage
from souk.relay.bound import LINK_TOKENS, bound_of, estimate, most_input
from souk.relay.events import WholeEvents, each, tell_failure
from souk.relay.protocols import CHAT
from souk.words import CREDIT, Credits

MODEL = load_catalog().chats["gpt-5-2"]
PRICE = ChatPrice(Credits(100), Credits(10), Credits(125), Credits(1000), estimated=False)


def body_of(said: str, **more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": said}], **more}).encode()


def bound(said: str, **more: Any) -> int:
    return bound_of(MODEL, CHAT.read(body_of(said, **more), "", False))


@pytest.mark.parametrize(
    ("usage", "units"),
    [
        (Usage(1_000_000), 100),
        (Usage(output=1_000_000), 1000),
        (Usage(cached=1_000_000), 10),
        (Usage(written=1_000_000), 125),
        (Usage(1, 1, 1, 1), 1),
        (Usage(), 0),
    ],
)
def test_cost_is_by_the_million_and_rounded_up(usage: Usage, units: int) -> None:
    assert PRICE.cost(usage) == units


def test_bound_covers_the_dearest_way_to_read() -> None:
    assert PRICE.bound(1_000_000, 0) == PRICE.cost(Usage(written=1_000_000))


def test_bound_covers_every_answer_asked_for() -> None:
    assert bound("hi", max_tokens=1000, n=3) >= 3 * 1000 * MODEL.price.output / 1_000_000


def test_bound_without_max_tokens_is_the_models_most() -> None:
    assert bound("hi") >= MODEL.max_output * MODEL.price.output / 1_000_000


@pytest.mark.parametrize("said", ["word " * 3000, "漢字" * 2000, "\U0001f600" * 1000, '{"a":[1,2]}' * 500])
def test_text_is_not_underestimated(said: str) -> None:
    # Tokenizers make at most about one token of two bytes of UTF-8 of ordinary text; JSON escapes only add bytes.
    assert most_input(body_of(said)) >= len(said.encode()) / 2


def test_nothing_is_read_beyond_the_models_context() -> None:
    most = MODEL.price.bound(MODEL.context, 10)
    assert bound("x y " * 2_000_000, max_tokens=10) == most


def test_picture_in_the_request_counts_as_a_picture() -> None:
    picture = body_of("data:image/png;base64," + "iVBORw0KGgo" * 100_000)
    assert LINK_TOKENS <= most_input(picture) < 3 * LINK_TOKENS


def test_document_in_the_request_counts_by_its_size() -> None:
    document = body_of("data:application/pdf;base64," + "iVBORw0KGgo" * 100_000)
    assert most_input(document) > 100_000


def test_every_address_may_be_a_picture() -> None:
    assert most_input(body_of("https://a.example/1.png https://a.example/2.png")) > 2 * LINK_TOKENS


def test_usual_question_is_let_in_for_little() -> None:
    assert bound("Say hello in one sentence.", max_tokens=100) < CREDIT


def test_estimate_grows_with_what_came_back() -> None:
    assert estimate(b"x" * 400, produced=0, pieces=0) == Usage(100, 0)
    assert estimate(b"x" * 400, produced=50 * 210, pieces=50) == Usage(100, 125)
    assert estimate(b"x" * 400, produced=50 * 90, pieces=50) == Usage(100, 50)


@pytest.mark.parametrize("gap", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 1000])
def test_events_come_whole_however_they_are_cut(gap: bytes, size: int) -> None:
    sent = b"".join(b"data: {%d}" % number + gap for number in range(20)) + b"data: unfinished"
    whole = WholeEvents()
    pieces = [whole.push(sent[at : at + size]) for at in range(0, len(sent), size)]
    assert all(piece.endswith(gap) for piece in pieces if piece)
    assert b"".join(pieces) + whole.rest() == sent
    assert whole.rest() == b"data: unfinished"


def test_events_are_told_apart_however_they_end() -> None:
    events = [b"data: 1\n\n", b"data: 2\r\n\r\n", b": ping\n\n", b"data: 3\r\n\r\n", b"data: 4"]
    assert each(b"".join(events)) == events
    assert each(b"".join(events[:-1])) == events[:-1]


@pytest.mark.parametrize(
    ("events", "failure"),
    [
        (b'data: {"id":1}\n\ndata: { "error" : {"message":"x"}}\n\n', True),
        (b'data: {"error": "x"}\n\n', True),
        (b'data: {"error": null, "id": 1}\n\n', False),
        (b'data: {"text": "data: {\\"error\\": 1}"}\n\n', False),
        (b'data: {"response": {"error": {"code": 1}}}\n\n', False),
    ],
)
def test_failure_is_an_event_that_is_an_error(events: bytes, failure: bool) -> None:
    assert tell_failure(events) is failure
