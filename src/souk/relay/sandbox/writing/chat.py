"""Answers as OpenAI's chat completions. Source: the API reference, "The chat completion object" and its chunks."""

from collections.abc import Iterator
from typing import Any, Final

from souk.relay.sandbox.answered import DONE_EVENT, Answered, event
from souk.relay.sandbox.reply import Finish, Reply, pieces_of
from souk.relay.sandbox.tokens import written
from souk.words import JsonObject

FINISH: Final = {
    Finish.DONE: "stop",
    Finish.STOPPED: "stop",
    Finish.LENGTH: "length",
    Finish.TOOLS: "tool_calls",
    Finish.REFUSED: "content_filter",
}


def whole(answered: Answered) -> JsonObject:
    """A ``chat.completion``."""
    choices = [
        {
            "index": number,
            "message": _message(answered, reply, number),
            "logprobs": None,
            "finish_reason": FINISH[reply.finish],
        }
        for number, reply in enumerate(answered.replies)
    ]
    return {**_head(answered, "chat.completion"), "choices": choices, "usage": usage_of(answered)}


def events(answered: Answered) -> Iterator[bytes]:
    """Its chunks, answer by answer; then the usage alone, and the end mark."""
    head = _head(answered, "chat.completion.chunk")
    for number, reply in enumerate(answered.replies):
        for delta in _deltas(answered, reply, number):
            yield event({**head, "choices": [_chunk(number, delta, None)]})
        yield event({**head, "choices": [_chunk(number, {}, FINISH[reply.finish])]})
    yield event({**head, "choices": [], "usage": usage_of(answered)})
    yield DONE_EVENT


def usage_of(answered: Answered) -> JsonObject:
    """The counters, with the details the compatible wire knows too."""
    used = answered.used
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.total,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "text_tokens": used.output - used.thinking,
            "audio_tokens": 0,
            "reasoning_tokens": used.thinking,
        },
    }


def _head(answered: Answered, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{answered.marks.id('answer')}",
        "object": kind,
        "created": answered.created,
        "model": answered.asked.model,
    }


def _message(answered: Answered, reply: Reply, number: int) -> JsonObject:
    refused = reply.finish is Finish.REFUSED
    message: JsonObject = {
        "role": "assistant",
        "content": None if refused or reply.calls else reply.text,
        "refusal": reply.text if refused else None,
        "annotations": [],
    }
    if reply.thinking:
        message["reasoning_content"] = reply.thinking
    if reply.calls:
        message["tool_calls"] = _calls(answered, reply, number)
    return message


def _calls(answered: Answered, reply: Reply, number: int) -> list[JsonObject]:
    return [
        {
            "id": answered.call_id("call_", call, number),
            "type": "function",
            "function": {"name": call.tool, "arguments": written(call.arguments)},
        }
        for call in reply.calls
    ]


def _deltas(answered: Answered, reply: Reply, number: int) -> Iterator[JsonObject]:
    yield {"role": "assistant", "content": None if reply.calls else "", "refusal": None}
    for piece in pieces_of(reply.thinking):
        yield {"reasoning_content": piece}
    word = "refusal" if reply.finish is Finish.REFUSED else "content"
    for piece in pieces_of(reply.text):
        yield {word: piece}
    for position, call in enumerate(_calls(answered, reply, number)):
        function: dict[str, Any] = call["function"]
        yield {"tool_calls": [{**call, "index": position, "function": {**function, "arguments": ""}}]}
        for piece in pieces_of(function["arguments"]):
            yield {"tool_calls": [{"index": position, "function": {"arguments": piece}}]}


def _chunk(number: int, delta: JsonObject, finish: str | None) -> JsonObject:
    return {"index": number, "delta": delta, "logprobs": None, "finish_reason": finish}
