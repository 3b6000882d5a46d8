"""What the sandbox of chat says, the same in every protocol: what it understood, tools, forms, limits, rehearsals."""

import asyncio
import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from souk.relay.protocols import PROTOCOLS
from souk.relay.sandbox import SandboxChat
from souk.words import Credits
from tests.clock import HandClock
from tests.unit.sandbox_chat import (
    MODELS,
    WEATHER,
    ask,
    calls_of,
    offering,
    saying,
    streamed_text,
    text_of,
)
from tests.unit.sandbox_chat_requests import ANSWERED, FORBIDDEN, FORCED, FORMED, SEEN, SHORT

EVERY = pytest.mark.parametrize("protocol", sorted(PROTOCOLS))


@EVERY
async def test_answer_is_marked_and_repeats_what_was_said(protocol: str) -> None:
    text = text_of(protocol, (await ask(protocol, saying(protocol, "Name three ports."))).body)
    assert "sandbox" in text
    assert MODELS[protocol] in text
    assert "“Name three ports.”" in text


@EVERY
async def test_answer_tells_what_came_with_the_text(protocol: str) -> None:
    text = text_of(protocol, (await ask(protocol, {**SEEN[protocol], **offering(protocol)})).body)
    assert "“What is this?”" in text
    assert "a system prompt and 2 images" in text
    assert "I may use get_weather." in text


@EVERY
async def test_same_request_gets_the_same_answer(protocol: str) -> None:
    body = saying(protocol, "Use get_weather", **offering(protocol))
    assert (await ask(protocol, body)).raw == (await ask(protocol, body)).raw


@EVERY
async def test_stream_says_what_the_whole_answer_says_in_several_pieces(protocol: str) -> None:
    body = saying(protocol, "Name three ports.")
    streamed = await ask(protocol, body, stream=True)
    assert streamed_text(protocol, streamed) == text_of(protocol, (await ask(protocol, body)).body)
    assert len(streamed.data) > 5


@EVERY
@pytest.mark.parametrize("body", ["saying", "offering", "seen"])
async def test_stream_is_metered_as_the_whole_answer_is(protocol: str, body: str) -> None:
    asked = {
        "saying": saying(protocol, "Name three ports."),
        "offering": saying(protocol, "Use get_weather", **offering(protocol)),
        "seen": SEEN[protocol],
    }[body]
    wire = PROTOCOLS[protocol]
    request = wire.read(json.dumps(asked).encode(), MODELS[protocol], True)
    reader = wire.reader(request, lambda _: Credits(0))
    reader.feed((await ask(protocol, asked, stream=True)).raw)
    assert reader.finished
    assert not reader.failed
    assert reader.usage is not None
    assert reader.usage.output > 0
    assert reader.usage == wire.usage_of((await ask(protocol, asked)).raw)


@EVERY
async def test_more_is_read_where_more_is_sent(protocol: str) -> None:
    async def read(body: dict[str, Any]) -> int:
        usage = PROTOCOLS[protocol].usage_of((await ask(protocol, body)).raw)
        assert usage is not None
        return usage.input

    short = await read(saying(protocol, "a" * 40))
    assert await read(saying(protocol, "a" * 80)) == short + 10
    assert await read(SEEN[protocol]) > 512
    assert await read(saying(protocol, "a" * 40, **offering(protocol))) > short + 40


@EVERY
@pytest.mark.parametrize("text", ["Please use get_weather now.", "Anything at all"])
async def test_tool_is_called_when_named_or_forced(protocol: str, text: str) -> None:
    forced = FORCED[protocol] if "get_weather" not in text else {}
    body = saying(protocol, text, **offering(protocol), **forced)
    [(name, arguments)] = calls_of(protocol, (await ask(protocol, body)).body)
    assert name == "get_weather"
    jsonschema_rs.validate(WEATHER, arguments)


@EVERY
@pytest.mark.parametrize("text", ["What is the weather?", "Do not get_weathers"])
async def test_tool_is_not_called_when_not_named(protocol: str, text: str) -> None:
    assert calls_of(protocol, (await ask(protocol, saying(protocol, text, **offering(protocol)))).body) == []


@EVERY
async def test_tool_is_not_called_when_that_is_forbidden(protocol: str) -> None:
    body = saying(protocol, "Use get_weather", **offering(protocol), **FORBIDDEN[protocol])
    assert calls_of(protocol, (await ask(protocol, body)).body) == []


@EVERY
async def test_result_of_a_tool_is_used_in_the_final_text(protocol: str) -> None:
    body = (await ask(protocol, {**ANSWERED[protocol], **offering(protocol)})).body
    assert calls_of(protocol, body) == []
    assert "Tool get_weather gave back" in text_of(protocol, body)
    assert "17 degrees" in text_of(protocol, body)


@EVERY
async def test_forced_choice_takes_a_tool_that_is_not_called_yet(protocol: str) -> None:
    forced = {"tool_choice": "required"} if protocol == "responses" else FORCED[protocol]
    both = offering(protocol)
    final = offering(protocol, "final_answer", {"type": "object"})
    if protocol == "gemini":
        both["tools"][0]["functionDeclarations"] += final["tools"][0]["functionDeclarations"]
    else:
        both["tools"] += final["tools"]
    body = (await ask(protocol, {**ANSWERED[protocol], **both, **forced})).body
    assert [name for name, _ in calls_of(protocol, body)] == ["final_answer"]


@EVERY
async def test_answer_has_the_form_asked_for(protocol: str) -> None:
    text = text_of(protocol, (await ask(protocol, saying(protocol, "Fill it in", **FORMED[protocol]))).body)
    jsonschema_rs.validate(WEATHER, json.loads(text))


@EVERY
async def test_schema_nothing_fits_is_refused_with_a_reason(protocol: str) -> None:
    impossible: dict[str, Any] = {"type": "object", "properties": {"a": False}, "required": ["a"]}
    body = saying(protocol, "Use get_weather", **offering(protocol, schema=impossible))
    refused = await ask(protocol, body)
    assert refused.status == 400
    assert "get_weather" in refused.body["error"]["message"]


@EVERY
async def test_answer_is_no_longer_than_wanted(protocol: str) -> None:
    body = (await ask(protocol, saying(protocol, "Tell me a story.", **SHORT[protocol]))).body
    usage = PROTOCOLS[protocol].usage_of(json.dumps(body).encode())
    assert usage is not None
    assert usage.output == 5
    assert len(text_of(protocol, body)) == 20


@EVERY
@pytest.mark.parametrize("code", [400, 401, 402, 404, 429, 500, 503])
async def test_told_to_fail_it_fails_in_the_makers_shape(protocol: str, code: int) -> None:
    failed = await ask(protocol, saying(protocol, f"Hello [souk:fail={code}]"), stream=True)
    assert failed.status == code
    assert f"told to fail with code {code}" in failed.body["error"]["message"]
    assert ("retry-after" in failed.headers) == (code == 429)


@EVERY
async def test_failing_without_a_usable_code_is_a_server_error(protocol: str) -> None:
    for text in ("[souk:fail]", "[souk:fail=200]", "[souk:fail=99999]"):
        assert (await ask(protocol, saying(protocol, text))).status == 500


@EVERY
async def test_trigger_in_an_earlier_message_is_over(protocol: str) -> None:
    first, last = saying(protocol, "Hello [souk:fail=500]"), saying(protocol, "Again")
    name = next(iter(first))
    if protocol == "responses":
        said = [{"role": "user", "content": text} for text in (first["input"], last["input"])]
    else:
        said = first[name] + last[name]
    assert (await ask(protocol, {name: said})).status == 200


@EVERY
@pytest.mark.parametrize("stream", [False, True])
async def test_stalled_answer_never_ends(protocol: str, stream: bool) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await ask(protocol, saying(protocol, "Wait [souk:stall]"), stream=stream)


async def test_stalled_stream_has_begun() -> None:
    wire = PROTOCOLS["chat"]
    body = json.dumps(saying("chat", "Wait [souk:stall]")).encode()
    answer = await SandboxChat(HandClock()).send(wire, wire.read(body, "gpt-5-2", True), True)
    assert not isinstance(answer.body, bytes)
    assert (await anext(answer.body)).startswith(b"data: {")
    await answer.body.aclose()


@pytest.mark.parametrize("stream", [False, True])
async def test_delay_is_spent_whether_streamed_or_not(stream: bool) -> None:
    began = asyncio.get_running_loop().time()
    await ask("chat", saying("chat", "Hello"), stream=stream, delay=0.3)
    assert asyncio.get_running_loop().time() - began >= 0.28


@pytest.mark.parametrize(
    ("protocol", "stop"), [("chat", {"stop": "Souk"}), ("messages", {"stop_sequences": ["none", "Souk"]})]
)
async def test_stop_sequence_ends_the_text_before_it(protocol: str, stop: dict[str, Any]) -> None:
    body = (await ask(protocol, saying(protocol, "Hello", **stop))).body
    assert text_of(protocol, body) == "This is the sandbox of "


async def test_as_many_answers_as_wanted_differ() -> None:
    body = (await ask("chat", saying("chat", "Hello", n=3))).body
    texts = [choice["message"]["content"] for choice in body["choices"]]
    assert len(set(texts)) == 3
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]


async def test_search_of_the_service_is_never_asked_of_the_client() -> None:
    search = {"tools": [{"type": "function", "function": {"name": "web_search"}}]}
    body = (await ask("chat", saying("chat", "Use web_search", **search))).body
    assert calls_of("chat", body) == []


async def test_older_form_of_a_structured_answer_is_understood() -> None:
    format = {"type": "json_schema", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
    body = (await ask("chat", saying("chat", "Six times seven?", response_format=format))).body
    assert isinstance(json.loads(text_of("chat", body))["answer"], int)


async def test_any_json_may_be_asked_for() -> None:
    body = (await ask("chat", saying("chat", "Hello", response_format={"type": "json_object"}))).body
    assert "“Hello”" in json.loads(text_of("chat", body))["reply"]


async def test_enum_of_gemini_is_answered_bare() -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["up", "down"]}}
    body = (await ask("gemini", saying("gemini", "Which way?", generationConfig=config))).body
    assert text_of("gemini", body) in ("up", "down")


NAMES = (
    *("role", "content", "parts", "text", "type", "tool_calls", "function", "name", "arguments", "id"),
    *(
        "tool_call_id",
        "call_id",
        "output",
        "input",
        "tool_use_id",
        "source",
        "functionCall",
        "args",
        "response",
    ),
    *("functionResponse", "inlineData", "mimeType", "thinking", "format", "schema", "json_schema", "effort"),
    *("mode", "tools", "functionDeclarations", "parameters", "functionCallingConfig", "allowedFunctionNames"),
    *("thinkingConfig", "includeThoughts", "summary", "properties", "required", "items", "anyOf"),
)
WORDS = ("user", "assistant", "model", "tool", "system", "text", "image", "tool_result", "function", "object")
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = (
    *("tools", "tool_choice", "response_format", "stop", "text", "reasoning", "instructions", "system"),
    *("thinking", "output_config", "toolConfig", "systemInstruction", "stop_sequences", "metadata"),
)


@given(
    protocol=st.sampled_from(sorted(PROTOCOLS)), talk=st.lists(JUNK, min_size=1, max_size=3), data=st.data()
)
@settings(deadline=None)
def test_odd_requests_are_no_fault_of_the_sandbox(
    protocol: str, talk: list[Any], data: st.DataObject
) -> None:
    name = next(iter(saying(protocol, "")))
    odd = data.draw(st.dictionaries(st.sampled_from(MEMBERS), JUNK, max_size=3))
    said = asyncio.run(ask(protocol, {name: talk, **odd}))
    assert said.status in (200, 400)
