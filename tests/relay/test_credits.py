"""``credits_consumed``: ours goes into an answer, the upstream's comes out, and nothing else moves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.net.http import TooLarge
from souk.relay import events as streamed
from souk.relay.credits import events_without_credits, with_credits, without_credits
from souk.relay.events import WholeEvents
from souk.words import Credits

TOLD = '"credits_consumed"'


@pytest.mark.parametrize(
    ("object", "told"),
    [
        (b"{}", b'{"credits_consumed":0.02}'),
        (b'{"a":1}\n', b'{"a":1,"credits_consumed":0.02}\n'),
        (b'{ "a": {} }', b'{ "a": {} ,"credits_consumed":0.02}'),
        (b'data: {"a":1}\r\n\r\n', b'data: {"a":1,"credits_consumed":0.02}\r\n\r\n'),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
        (b'data: {"a":1}\nid: 7\n\n', b'data: {"a":1,"credits_consumed":0.02}\nid: 7\n\n'),
    ],
)
def test_credits_are_added_at_the_end(object: bytes, told: bytes) -> None:
    assert with_credits(object, Credits(228)) == told


@pytest.mark.parametrize(
    ("told", "rest", "cost"),
    [
        ('{"choices":[],"credits_consumed":0.48}', '{"choices":[]}', 4800),
        ('{"a":1 , "credits_consumed" : 0.48 , "b":2}\n', '{"a":1  , "b":2}\n', 4800),
        ('{"credits_consumed": 2, "id": 1}', '{"id": 1}', 20000),
        ('{\n  "credits_consumed": 2\n}', "{\n  \n}", 20000),
        ('{"credits_consumed":5e-1}', "{}", 5000),
        ('{"a":1,"credits_consumed":7,"b":2,"credits_consumed":8}', '{"a":1,"b":2}', 80000),
        ('{"credits_consumed":7,"credits_consumed":8,"b":2}', '{"b":2}', 80000),
        ('{"a":1,"credits_consumed":7,"credits_consumed":8}', '{"a":1}', 80000),
        ('[{"a":1,"credits_consumed":7},{"a":2,"credits_consumed":8}]', '[{"a":1},{"a":2}]', 80000),
        ('{"usage":{"x":1,"credits_consumed":7}}', '{"usage":{"x":1}}', 70000),
        ('{"response" : {"usage":{"credits_consumed":7}}}', '{"response" : {"usage":{}}}', 70000),
        ('{"text":"\\\\","credits_consumed":7}', '{"text":"\\\\"}', 70000),
    ],
)
def test_what_the_upstream_tells_is_taken_out_and_read(told: str, rest: str, cost: int) -> None:
    assert without_credits(told.encode()) == (rest.encode(), cost)


@pytest.mark.parametrize("told", ["null", "false", '"0.5 \\" }"', "-1", "1e400", "1-2", "1e9"])
def test_what_makes_no_sense_is_taken_out_unread(told: str) -> None:
    assert without_credits(f'{{"a":1,{TOLD}:{told},"b":2}}'.encode()) == (b'{"a":1,"b":2}', None)


@pytest.mark.parametrize(
    "said",
    [
        '{"content":"{\\"credits_consumed\\": 1}"}',
        '{"content":"say \\"credits_consumed\\": 1, {"}',
        '{"content":["credits_consumed", "credits_consumed"]}',
        '{"x\\"credits_consumed": 1}',
        '{"content":[{"type":"tool_use","input":{"credits_consumed": 1}}]}',
        '{"content_block":{"input":{"usage":{"credits_consumed":1}}}}',
        '{"candidates":[{"content":{"parts":[{"functionCall":{"args":{"credits_consumed":1}}}]}}]}',
        '{"response":{"tools":[{"parameters":{"properties":{"credits_consumed":null}}}]}}',
        '{"response":{"metadata":{"credits_consumed":"7"}}}',
        "{}",
    ],
)
def test_what_the_model_or_the_user_wrote_stays(said: str) -> None:
    assert without_credits(said.encode()) == (said.encode(), None)
    beside = f'{said[:-1]},"end":0,{TOLD}:7}}'.replace("{,", "{")
    assert without_credits(beside.encode()) == (f'{said[:-1]},"end":0}}'.replace("{,", "{").encode(), 70000)


def test_lines_around_an_event_are_left_alone() -> None:
    before, told = b': "it is {\nevent: a"b\nid: 7\ndata: {"a":1', b',\ndata: "credits_consumed":\ndata:  3'
    after = b',\ndata: "b":2}\nretry: 9\n\n'
    assert events_without_credits(before + told + after) == (before + after, 30000)


def test_last_word_of_several_events_counts() -> None:
    told = [f'data: {{"n":{n},{TOLD}:{n}}}\n\n' for n in (1, 2)]
    events = "".join(['data: {"n":0}\n\n', *told, "data: [DONE]\n\n"]).encode()
    assert events_without_credits(events) == (
        b'data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n',
        20000,
    )


@pytest.mark.parametrize("gap", [b"\n\n", b"\r\n\r\n"])
def test_stream_comes_out_the_same_wherever_it_is_cut(gap: bytes) -> None:
    kept = [b'data: {"text":"\\"credits_consumed\\": 1"}' + gap, b'data: {"usage":{}}' + gap]
    sent = kept[0] + kept[1].replace(b"{}}", b'{"credits_consumed":1}, "credits_consumed": 2.5 }')
    for cut in range(len(sent)):
        whole = WholeEvents()
        passed = [events_without_credits(whole.push(piece)) for piece in (sent[:cut], sent[cut:])]
        assert b"".join(events for events, _ in passed) == b"".join(kept).replace(b"{}}", b"{} }")
        assert [told for _, told in passed if told is not None] == [25000]


JSON = st.recursive(
    st.none() | st.integers() | st.text('{}[]",:\\ é' + "a") | st.just(TOLD) | st.just("credits_consumed"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('x"\\{', max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["a", "message", "b{", 'c"', "usage"]), JSON),
    st.integers(0, 5),
    st.booleans(),
)
def test_any_object_comes_out_as_it_was_before_it_told(said: dict[str, Any], at: int, spread: bool) -> None:
    members = list(said.items())
    told = dict([*members[:at], ("credits_consumed", 3), *members[at:]])
    indent = 1 if spread else None
    assert json.loads(without_credits(json.dumps(told, indent=indent).encode())[0]) == said
    rest, cost = without_credits(json.dumps(told).encode())
    assert (rest, cost) == (json.dumps(said).encode(), 30000)


def test_endless_event_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "MOST_HELD", 100)
    whole = WholeEvents()
    assert whole.push(b"x" * 90) == b""
    assert whole.push(b"\n\n" + b"y" * 90) == b"x" * 90 + b"\n\n"
    with pytest.raises(TooLarge, match="100 bytes"):
        whole.push(b"y" * 20)
