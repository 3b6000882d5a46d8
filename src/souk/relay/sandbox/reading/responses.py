"""OpenAI's responses, read. Source: the API reference, "Create a model response"."""

from typing import Final

import msgspec

from souk.relay.protocols.protocol import Ask
from souk.relay.sandbox.asked import Asked, Limits, Result, Structure, Talk, Unusable
from souk.relay.sandbox.reading.chat import read_choice, read_tools
from souk.relay.sandbox.reading.content import texts_of
from souk.relay.sandbox.view import a_text, an_object, objects
from souk.words import JsonObject

PART_KINDS: Final = {"input_image": "image", "input_audio": "audio", "input_file": "file"}
ECHOED: Final[JsonObject] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
}
"""What an answer repeats of its request, and what it says where the request does not."""


def read_responses(ask: Ask, body: JsonObject) -> Asked:
    """What the request asks for. Raises Unusable."""
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) and given else objects(given)
    if not items and "prompt" not in body:
        raise Unusable("input must be a text or a list of at least one item")
    talk = Talk()
    talk.instructed(a_text(body.get("instructions")))
    for item in items:
        _follow(item, talk)
    echoed = {name: body.get(name) for name in ECHOED if body.get(name) is not None}
    return Asked(
        model=ask.model,
        talk=talk,
        tools=read_tools(body.get("tools")),
        choice=read_choice(body.get("tool_choice"), body.get("parallel_tool_calls") is not False),
        structure=_structure(an_object(an_object(body.get("text")).get("format"))),
        limits=Limits.of(ask.max_tokens),
        thinks=isinstance(body.get("reasoning"), dict),
        extra={**ECHOED, **echoed},
    )


def _follow(item: JsonObject, talk: Talk) -> None:
    match item.get("type", "message"):
        case "message":
            texts = texts_of(item.get("content"), PART_KINDS, talk)
            match item.get("role"):
                case "system" | "developer":
                    talk.instructed("\n".join(texts))
                case "assistant":
                    talk.answered("\n".join(texts))
                case _:
                    talk.turn(texts, [])
        case "function_call":
            talk.call(a_text(item.get("call_id")), a_text(item.get("name")), item.get("arguments"))
        case "function_call_output":
            tool = talk.called.get(a_text(item.get("call_id")), "unknown")
            talk.turn([], [Result(tool, "\n".join(texts_of(item.get("output"), PART_KINDS, talk)))])
        case _:  # thoughts and calls of the maker's own tools, sent back as they came
            talk.answered(msgspec.json.encode(item).decode())


def _structure(format: JsonObject) -> Structure | None:
    kind = format.get("type")
    if kind == "json_schema":
        return Structure(an_object(format.get("schema")))
    return Structure({}) if kind == "json_object" else None
