"""How each protocol writes the sandbox's answers down: the members and events its documentation shows, in order."""

import json
from typing import Any

from tests.unit.sandbox_chat import ask, named, offering, saying

TOOL = "Use get_weather"


def names_of(events: list[tuple[str, Any]]) -> list[str]:
    """The names of events, those that repeat once."""
    names = [name for name, _ in events]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


async def test_chat_completion_is_as_documented() -> None:
    body = (await ask("chat", saying("chat", "Hello"))).body
    assert list(body) == ["id", "object", "created", "model", "choices", "usage"]
    assert body["id"].startswith("chatcmpl-")
    assert (body["object"], body["created"], body["model"]) == (
        "chat.completion",
        1_772_100_021,
        "gpt-5-2",
    )
    [choice] = body["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["role"]) == (0, "stop", "assistant")
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_chat_chunks_are_as_documented() -> None:
    said = await ask("chat", saying("chat", "Hello"), stream=True)
    assert said.events[-1] == ("", "[DONE]")
    first, *_, last, usage = said.data
    assert {chunk["object"] for chunk in said.data} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in said.data}) == 1
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert first["choices"][0]["finish_reason"] is None
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] > 0


async def test_chat_tool_call_is_as_documented() -> None:
    body = (await ask("chat", saying("chat", TOOL, **offering("chat")))).body
    [choice] = body["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    [call] = choice["message"]["tool_calls"]
    assert (call["type"], list(call["function"])) == ("function", ["name", "arguments"])
    assert isinstance(json.loads(call["function"]["arguments"]), dict)


async def test_chat_tool_call_streams_its_arguments() -> None:
    said = await ask("chat", saying("chat", TOOL, **offering("chat")), stream=True)
    parts = [
        part
        for chunk in said.data
        for choice in chunk["choices"]
        for part in choice["delta"].get("tool_calls", [])
    ]
    assert parts[0]["id"].startswith("call_")
    assert (parts[0]["type"], parts[0]["function"]["name"]) == ("function", "get_weather")
    assert {part["index"] for part in parts} == {0}
    assert "id" not in parts[1]
    arguments = "".join(part["function"]["arguments"] for part in parts)
    assert set(json.loads(arguments)) == {"city", "unit", "days"}


async def test_chat_refusal_and_thoughts_have_members_of_their_own() -> None:
    message = (await ask("chat", saying("chat", "Hi", include_thoughts=True))).body["choices"][0]["message"]
    assert "“Hi”" in message["reasoning_content"]
    [choice] = (await ask("chat", saying("chat", "Hi [souk:moderated]"))).body["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"]["content"] is None
    assert "content rules" in choice["message"]["refusal"]


async def test_response_is_as_documented() -> None:
    body = (await ask("responses", saying("responses", "Hello", reasoning={"summary": "auto"}))).body
    assert (body["object"], body["status"], body["error"]) == ("response", "completed", None)
    thoughts, message = body["output"]
    assert thoughts["type"] == "reasoning"
    assert "“Hello”" in thoughts["summary"][0]["text"]
    assert (message["type"], message["role"], message["status"]) == ("message", "assistant", "completed")
    assert message["content"][0]["type"] == "output_text"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens_details"]["reasoning_tokens"] > 0


async def test_thoughts_of_a_response_are_hidden_unless_a_summary_is_wanted() -> None:
    body = (await ask("responses", saying("responses", "Hello", reasoning={"effort": "low"}))).body
    assert body["output"][0]["summary"] == []
    assert "reasoning" not in [
        item["type"] for item in (await ask("responses", saying("responses", "Hello"))).body["output"]
    ]


async def test_response_repeats_its_request() -> None:
    asked = {"instructions": "Be brief.", "temperature": 0.2, "metadata": {"a": "b"}}
    body = (await ask("responses", saying("responses", "Hello", **asked))).body
    assert {name: body[name] for name in asked} == asked


async def test_response_events_are_as_documented() -> None:
    body = saying("responses", TOOL, **offering("responses"), reasoning={"summary": "auto"})
    said = await ask("responses", body, stream=True)
    assert names_of(said.events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
        "",
    ]
    assert [event["sequence_number"] for event in said.data] == list(range(len(said.data)))
    assert all(name == event["type"] for name, event in said.events if name)
    assert said.data[-1]["response"] == (await ask("responses", body)).body


async def test_text_of_a_response_streams_in_its_part() -> None:
    said = await ask("responses", saying("responses", "Hello"), stream=True)
    assert names_of(said.events)[3:7] == [
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
    ]
    deltas = [event for _, event in named(said, "response.output_text.delta")]
    assert {(event["output_index"], event["content_index"]) for event in deltas} == {(0, 0)}


async def test_response_that_ran_out_of_tokens_is_incomplete() -> None:
    body = saying("responses", "Hello", max_output_tokens=5)
    said = await ask("responses", body, stream=True)
    assert said.events[-2][0] == "response.incomplete"
    response = said.data[-1]["response"]
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"


async def test_refused_response_has_a_refusal_for_a_part() -> None:
    body = saying("responses", "Hello [souk:moderated]")
    part = (await ask("responses", body)).body["output"][0]["content"][0]
    assert part["type"] == "refusal"
    said = await ask("responses", body, stream=True)
    assert "".join(e["delta"] for _, e in named(said, "response.refusal.delta")) == part["refusal"]


async def test_message_is_as_documented() -> None:
    body = (await ask("messages", saying("messages", "Hello"))).body
    assert body["id"].startswith("msg_")
    assert (body["type"], body["role"], body["model"]) == ("message", "assistant", "claude-sonnet-4-5")
    assert [block["type"] for block in body["content"]] == ["text"]
    assert (body["stop_reason"], body["stop_sequence"]) == ("end_turn", None)
    assert set(body["usage"]) == {"input_tokens", "output_tokens"}


async def test_message_events_are_as_documented() -> None:
    asked = {**offering("messages"), "thinking": {"type": "enabled", "budget_tokens": 1024}}
    said = await ask("messages", saying("messages", TOOL, **asked), stream=True)
    assert names_of(said.events) == [
        "message_start",
        "ping",
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]
    assert all(name == event["type"] for name, event in said.events)
    starts = [event["content_block"] for _, event in named(said, "content_block_start")]
    assert [block["type"] for block in starts] == ["thinking", "tool_use"]
    assert starts[1]["input"] == {}
    deltas = [event["delta"] for _, event in named(said, "content_block_delta")]
    assert [delta["type"] for delta in deltas].count("signature_delta") == 1
    arguments = "".join(delta.get("partial_json", "") for delta in deltas)
    assert set(json.loads(arguments)) == {"city", "unit", "days"}
    end = named(said, "message_delta")[0][1]
    assert end["delta"]["stop_reason"] == "tool_use"
    assert end["usage"]["output_tokens"] > 0


async def test_thinking_of_a_message_is_signed_and_comes_first() -> None:
    for switch in ({"thinking": {"type": "adaptive"}}, {"thinkingFlag": True}):
        body = (await ask("messages", saying("messages", "Hello", **switch))).body
        thinking, text = body["content"]
        assert (thinking["type"], text["type"]) == ("thinking", "text")
        assert thinking["signature"]


async def test_message_names_the_stop_sequence_that_ended_it() -> None:
    body = (await ask("messages", saying("messages", "Hello", stop_sequences=["Souk"]))).body
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "Souk")


async def test_refused_message_says_why() -> None:
    body = (await ask("messages", saying("messages", "Hello [souk:moderated]"))).body
    assert (body["stop_reason"], body["content"]) == ("refusal", [])
    assert body["stop_details"]["type"] == "refusal"


async def test_gemini_content_is_as_documented() -> None:
    config = {"thinkingConfig": {"includeThoughts": True}}
    body = (await ask("gemini", saying("gemini", "Hello", generationConfig=config))).body
    [candidate] = body["candidates"]
    assert (candidate["finishReason"], candidate["index"]) == ("STOP", 0)
    assert candidate["content"]["role"] == "model"
    thought, text = candidate["content"]["parts"]
    assert thought["thought"] is True
    assert "sandbox" in text["text"]
    usage = body["usageMetadata"]
    assert usage["thoughtsTokenCount"] > 0
    assert usage["totalTokenCount"] == (
        usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    )
    assert body["modelVersion"] == "gemini-3-flash"
    assert body["responseId"]


async def test_gemini_call_has_an_id_and_a_signature() -> None:
    body = (await ask("gemini", saying("gemini", TOOL, **offering("gemini")))).body
    [part] = body["candidates"][0]["content"]["parts"]
    assert list(part["functionCall"]) == ["id", "name", "args"]
    assert part["thoughtSignature"]


async def test_gemini_stream_ends_once_with_all_counters() -> None:
    said = await ask("gemini", saying("gemini", "Hello"), stream=True)
    reasons = [chunk["candidates"][0].get("finishReason") for chunk in said.data]
    assert reasons == [None] * (len(reasons) - 1) + ["STOP"]
    totals = [chunk["usageMetadata"]["totalTokenCount"] for chunk in said.data]
    assert totals == sorted(totals)


async def test_refused_prompt_of_gemini_has_no_candidates() -> None:
    body = (await ask("gemini", saying("gemini", "Hello [souk:moderated]"))).body
    assert "candidates" not in body
    assert body["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
