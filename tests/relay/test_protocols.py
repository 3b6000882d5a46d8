"""What the relay reads in requests and answers, and what it leaves alone."""

import json
from typing import Any

import msgspec
import pytest

from souk.catalog.chat import Usage
from souk.relay.members import BadAsk, joined, members_of
from souk.relay.protocols import CHAT, GEMINI, MESSAGES, PROTOCOLS, RESPONSES
from souk.relay.protocols.protocol import Ask, ChatProtocol, Fault
from souk.words import Credits

MESSAGES_OF_CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
INPUT: dict[str, Any] = {"model": "m", "input": "hi"}
CONTENTS: dict[str, Any] = {"contents": [{"parts": [{"text": "hi"}]}]}


def ask(protocol: ChatProtocol, body: dict[str, Any], *, default: bool = False) -> Ask:
    return protocol.read(json.dumps(body).encode(), "m" if protocol is GEMINI else "", default)


def onward(protocol: ChatProtocol, body: dict[str, Any], *, default: bool = False) -> dict[str, Any]:
    return json.loads(joined(protocol.onward(ask(protocol, body, default=default), "real")))


def cost(usage: Usage) -> Credits:
    return Credits(usage.input + 100 * usage.output)


def event(data: Any, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"


def test_every_catalogued_protocol_is_spoken() -> None:
    from souk.catalog.chat import PROTOCOLS as NAMES

    assert tuple(PROTOCOLS) == tuple(sorted(PROTOCOLS, key=NAMES.index))
    assert set(PROTOCOLS) == set(NAMES)


@pytest.mark.parametrize(
    "value", ['"\\u00e9\\/"', "1.0", "1e2", '{ "b":1 , "a":2 }', "[ ]", "12345678901234567890123"]
)
def test_values_keep_their_bytes(value: str) -> None:
    assert joined(members_of(f'{{"x" : {value} }}'.encode())) == f'{{"x":{value}}}'.encode()


def test_names_keep_their_meaning() -> None:
    assert json.loads(joined(members_of(b'{"a\\"b": 1, "\\u00fc": 2}'))) == {'a"b': 1, "ü": 2}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a": }', b"null", b'{"a": 1} x', b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadAsk):
        members_of(body)


@pytest.mark.parametrize(
    ("protocol", "body", "most"),
    [
        (CHAT, MESSAGES_OF_CHAT, None),
        (CHAT, MESSAGES_OF_CHAT | {"max_tokens": 5}, 5),
        (CHAT, MESSAGES_OF_CHAT | {"max_tokens": 5, "max_completion_tokens": 9}, 9),
        (RESPONSES, INPUT | {"max_output_tokens": 5}, 5),
        (MESSAGES, MESSAGES_OF_CHAT, 4096),
        (MESSAGES, MESSAGES_OF_CHAT | {"max_tokens": 5}, 5),
        (MESSAGES, MESSAGES_OF_CHAT | {"max_tokens": 5, "thinkingFlag": True}, 2048),
        (GEMINI, CONTENTS | {"generationConfig": {"maxOutputTokens": 5}}, 5),
        (GEMINI, CONTENTS | {"generation_config": {"max_output_tokens": 5}}, 5),
        (GEMINI, CONTENTS, None),
    ],
)
def test_most_tokens_are_read(protocol: ChatProtocol, body: dict[str, Any], most: int | None) -> None:
    assert ask(protocol, body).max_tokens == most


def test_number_of_answers_is_read() -> None:
    assert ask(CHAT, MESSAGES_OF_CHAT | {"n": 3}).choices == 3
    assert ask(GEMINI, CONTENTS | {"generationConfig": {"candidateCount": 2}}).choices == 2


@pytest.mark.parametrize(
    "options", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}]
)
def test_usage_of_a_chat_stream_is_asked_for_in_any_case(options: dict[str, Any]) -> None:
    sent = onward(CHAT, MESSAGES_OF_CHAT | options, default=True)
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})


def test_other_stream_options_are_kept() -> None:
    options = {"stream_options": {"include_obfuscation": False}}
    sent = onward(CHAT, MESSAGES_OF_CHAT | options | {"stream": True})
    assert sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_gemini_body_says_neither_model_nor_stream() -> None:
    assert onward(GEMINI, CONTENTS | {"stream": True, "model": "x"}) == CONTENTS


@pytest.mark.parametrize(
    ("protocol", "told", "usage"),
    [
        (CHAT, {"usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}, Usage(9, 4)),
        (CHAT, {"usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 33}}, Usage(9, 24)),
        (
            CHAT,
            {
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 4,
                    "prompt_tokens_details": {"cached_tokens": 8},
                }
            },
            Usage(1, 4, 8),
        ),
        (
            CHAT,
            {"usage": {"prompt_tokens": 9, "completion_tokens": None, "prompt_tokens_details": None}},
            Usage(9),
        ),
        (CHAT, {"usage": None}, None),
        (CHAT, {}, None),
        (CHAT, {"usage": {"prompt_tokens": "many"}}, None),
        (
            RESPONSES,
            {"usage": {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}},
            Usage(7, 4, 2),
        ),
        (
            MESSAGES,
            {
                "usage": {
                    "input_tokens": 9,
                    "output_tokens": 4,
                    "cache_read_input_tokens": 2,
                    "cache_creation_input_tokens": 3,
                }
            },
            Usage(9, 4, 2, 3),
        ),
        (
            GEMINI,
            {
                "usageMetadata": {
                    "promptTokenCount": 9,
                    "candidatesTokenCount": 4,
                    "thoughtsTokenCount": 5,
                    "cachedContentTokenCount": 2,
                    "toolUsePromptTokenCount": 1,
                }
            },
            Usage(8, 9, 2),
        ),
    ],
)
def test_usage_is_read_into_parts_that_do_not_overlap(
    protocol: ChatProtocol, told: dict[str, Any], usage: Usage | None
) -> None:
    assert protocol.usage_of(json.dumps(told).encode()) == usage


def test_usage_of_what_is_not_json_is_unknown() -> None:
    assert [protocol.usage_of(b"<html>") for protocol in PROTOCOLS.values()] == [None] * 4


def test_text_that_looks_like_usage_is_left_alone() -> None:
    reader = CHAT.reader(ask(CHAT, MESSAGES_OF_CHAT), cost)
    chunk = event({"choices": [{"delta": {"content": '"usage": {"prompt_tokens": 1}, "error": 1'}}]})
    assert reader.feed(chunk) == chunk
    assert (reader.usage, reader.failed) == (None, False)


def test_usage_told_beside_text_stays_in_a_chat_stream() -> None:
    reader = CHAT.reader(ask(CHAT, MESSAGES_OF_CHAT), cost)
    chunk = event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}})
    assert reader.feed(chunk) == chunk
    assert (reader.usage, reader.finished) == (Usage(3), True)


def test_chat_stream_is_finished_by_done_or_by_a_reason() -> None:
    reader = CHAT.reader(ask(CHAT, MESSAGES_OF_CHAT), cost)
    reader.feed(event({"choices": [{"delta": {"content": "x"}, "finish_reason": None}]}))
    assert not reader.finished
    reader.feed(b"data: [DONE]\n\n")
    assert reader.finished


def test_later_usage_of_messages_adds_to_the_earlier() -> None:
    reader = MESSAGES.reader(ask(MESSAGES, MESSAGES_OF_CHAT), cost)
    reader.feed(
        event({"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}})
    )
    told = reader.feed(event({"type": "message_delta", "usage": {"output_tokens": 5}}))
    assert reader.usage == Usage(7, 5)
    assert b'"credits_consumed":0.05' in told
    assert not reader.finished
    reader.feed(event({"type": "message_stop"}))
    assert reader.finished


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete"])
def test_response_that_ended_is_charged(kind: str) -> None:
    reader = RESPONSES.reader(ask(RESPONSES, INPUT), cost)
    told = reader.feed(
        event({"type": kind, "response": {"usage": {"input_tokens": 7, "output_tokens": 5}}}, kind)
    )
    assert (reader.usage, reader.finished, reader.failed) == (Usage(7, 5), True, False)
    assert b"credits_consumed" in told


@pytest.mark.parametrize(
    "told",
    [
        {"type": "response.failed", "response": {"usage": {"input_tokens": 7}}},
        {"type": "error", "message": "x"},
    ],
)
def test_response_that_failed_is_passed_on_as_it_is(told: dict[str, Any]) -> None:
    reader = RESPONSES.reader(ask(RESPONSES, INPUT), cost)
    sent = event(told, told["type"])
    assert reader.feed(sent) == sent
    assert reader.failed


def test_blocked_prompt_ends_a_gemini_stream() -> None:
    reader = GEMINI.reader(ask(GEMINI, CONTENTS), cost)
    reader.feed(
        event({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})
    )
    assert (reader.usage, reader.finished) == (Usage(4), True)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_errors_have_the_makers_shape(protocol: ChatProtocol, status: int) -> None:
    fault = Fault(status, "Why", code="why")
    told = msgspec.json.decode(protocol.error(fault, "request-1"))
    assert told["error"]["message"] == "Why"
    assert b"Why" in protocol.error_event(fault)
