"""Answers as Anthropic's messages. Source: the API reference, "The Message object" and "Streaming messages"."""

from collections.abc import Iterator
from typing import Final

from souk.relay.sandbox.answered import Answered, event
from souk.relay.sandbox.reply import Finish, pieces_of
from souk.relay.sandbox.tokens import written
from souk.words import JsonObject

FINISH: Final = {
    Finish.DONE: "end_turn",
    Finish.STOPPED: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOLS: "tool_use",
    Finish.REFUSED: "refusal",
}
_EMPTY: Final[dict[str, JsonObject]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}
"""What a block starts as in a stream, before its deltas."""


def whole(answered: Answered) -> JsonObject:
    """A ``message``."""
    usage = {"input_tokens": answered.used.input, "output_tokens": answered.used.output}
    return {**_head(answered), "content": _blocks(answered), **_end(answered), "usage": usage}


def events(answered: Answered) -> Iterator[bytes]:
    """Its events: the start, every block with its deltas, why it ends, the end."""
    start = {"input_tokens": answered.used.input, "output_tokens": 1}
    message: JsonObject = {
        **_head(answered),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": start,
    }
    yield _named("message_start", message=message) + _named("ping")
    for index, block in enumerate(_blocks(answered)):
        yield _named("content_block_start", index=index, content_block={**block, **_EMPTY[block["type"]]})
        for delta in _deltas(block):
            yield _named("content_block_delta", index=index, delta=delta)
        yield _named("content_block_stop", index=index)
    usage = {"input_tokens": answered.used.input, "output_tokens": answered.used.output}
    yield _named("message_delta", delta=_end(answered), usage=usage)
    yield _named("message_stop")


def _head(answered: Answered) -> JsonObject:
    return {
        "id": f"msg_{answered.marks.id('answer')}",
        "type": "message",
        "role": "assistant",
        "model": answered.asked.model,
    }


def _blocks(answered: Answered) -> list[JsonObject]:
    reply = answered.only
    blocks: list[JsonObject] = []
    if reply.thinking:
        signature = answered.marks.id("signature", 64)
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": signature})
    if reply.text and reply.finish is not Finish.REFUSED:
        blocks.append({"type": "text", "text": reply.text})
    for call in reply.calls:
        id = answered.call_id("toolu_", call)
        block = {"type": "tool_use", "id": id, "name": call.tool, "input": call.arguments}
        blocks.append({**block, "caller": {"type": "direct"}})
    return blocks


def _deltas(block: JsonObject) -> Iterator[JsonObject]:
    match block["type"]:
        case "text":
            for piece in pieces_of(block["text"]):
                yield {"type": "text_delta", "text": piece}
        case "thinking":
            for piece in pieces_of(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            for piece in pieces_of(written(block["input"])):
                yield {"type": "input_json_delta", "partial_json": piece}


def _end(answered: Answered) -> JsonObject:
    reply = answered.only
    end: JsonObject = {"stop_reason": FINISH[reply.finish], "stop_sequence": reply.stop or None}
    if reply.finish is Finish.REFUSED:
        end["stop_details"] = {"type": "refusal", "category": None, "explanation": reply.text}
    return end


def _named(type: str, **members: object) -> bytes:
    return event({"type": type, **members}, type)
