"""Answers as OpenAI's responses. Source: the API reference, "The response object" and "Streaming events"."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from souk.relay.sandbox.answered import DONE_EVENT, Answered, event
from souk.relay.sandbox.reply import Call, Finish, pieces_of
from souk.relay.sandbox.tokens import written
from souk.relay.sandbox.view import an_object
from souk.words import JsonObject


def whole(answered: Answered) -> JsonObject:
    """A ``response``."""
    cut = answered.only.finish is Finish.LENGTH
    return {
        **_head(answered),
        "status": "incomplete" if cut else "completed",
        "completed_at": None if cut else answered.created,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": _items(answered),
        "usage": _usage(answered),
    }


def events(answered: Answered) -> Iterator[bytes]:
    """Its events, numbered: the start, every item with its parts and deltas, the whole response, the end mark."""
    numbers = count()

    def named(type: str, **members: Any) -> bytes:
        return event({"type": type, **members, "sequence_number": next(numbers)}, type)

    empty: JsonObject = {**_head(answered), "status": "in_progress", "output": [], "usage": None}
    yield named("response.created", response=empty)
    yield named("response.in_progress", response=empty)
    for index, item in enumerate(_items(answered)):
        yield named("response.output_item.added", output_index=index, item=_begun(item))
        for type, members in _steps(item):
            yield named(f"response.{type}", item_id=item["id"], output_index=index, **members)
        yield named("response.output_item.done", output_index=index, item=item)
    response = whole(answered)
    yield named(f"response.{response['status']}", response=response)
    yield DONE_EVENT


def _head(answered: Answered) -> JsonObject:
    return {
        "id": f"resp_{answered.marks.id('answer', 48)}",
        "object": "response",
        "created_at": answered.created,
        "model": answered.asked.model,
        "error": None,
        "incomplete_details": None,
        **answered.asked.extra,
    }


def _items(answered: Answered) -> list[JsonObject]:
    reply = answered.only
    status = "incomplete" if reply.finish is Finish.LENGTH else "completed"
    items: list[JsonObject] = []
    if answered.asked.thinks:
        shown = reply.thinking and an_object(answered.asked.extra["reasoning"]).get("summary")
        summary = [{"type": "summary_text", "text": reply.thinking}] if shown else []
        items.append(
            {"id": f"rs_{answered.marks.id('thoughts', 48)}", "type": "reasoning", "summary": summary}
        )
    if reply.text or not reply.calls:
        part: JsonObject = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        if reply.finish is Finish.REFUSED:
            part = {"type": "refusal", "refusal": reply.text}
        message: JsonObject = {"type": "message", "status": status, "role": "assistant", "content": [part]}
        items.append({"id": f"msg_{answered.marks.id('message', 48)}", **message})
    return items + [_call(answered, call) for call in reply.calls]


def _call(answered: Answered, call: Call) -> JsonObject:
    return {
        "id": answered.call_id("fc_", call),
        "type": "function_call",
        "status": "completed",
        "call_id": answered.call_id("call_", call),
        "name": call.tool,
        "arguments": written(call.arguments),
    }


def _begun(item: JsonObject) -> JsonObject:
    """The item before anything is in it."""
    match item["type"]:
        case "reasoning":
            return {**item, "summary": []}
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case _:
            return {**item, "status": "in_progress", "arguments": ""}


def _steps(item: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """How an item fills: the names of its events and what they hold."""
    match item["type"]:
        case "reasoning":
            for index, part in enumerate(item["summary"]):
                yield from _summary(part, {"summary_index": index})
        case "message":
            for index, part in enumerate(item["content"]):
                yield from _content(part, {"content_index": index})
        case _:
            for piece in pieces_of(item["arguments"]):
                yield "function_call_arguments.delta", {"delta": piece}
            yield "function_call_arguments.done", {"name": item["name"], "arguments": item["arguments"]}


def _summary(part: JsonObject, where: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    yield "reasoning_summary_part.added", {**where, "part": {**part, "text": ""}}
    for piece in pieces_of(part["text"]):
        yield "reasoning_summary_text.delta", {**where, "delta": piece}
    yield "reasoning_summary_text.done", {**where, "text": part["text"]}
    yield "reasoning_summary_part.done", {**where, "part": part}


def _content(part: JsonObject, where: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    word = "refusal" if part["type"] == "refusal" else "text"
    kind = "refusal" if word == "refusal" else "output_text"
    more: JsonObject = {} if word == "refusal" else {"logprobs": []}
    yield "content_part.added", {**where, "part": {**part, word: ""}}
    for piece in pieces_of(part[word]):
        yield f"{kind}.delta", {**where, "delta": piece, **more}
    yield f"{kind}.done", {**where, word: part[word], **more}
    yield "content_part.done", {**where, "part": part}


def _usage(answered: Answered) -> JsonObject:
    used = answered.used
    return {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.thinking},
        "total_tokens": used.total,
    }
