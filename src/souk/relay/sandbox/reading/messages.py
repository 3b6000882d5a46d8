"""Anthropic's messages, read. Source: the API reference, "Create a Message"; and the compatible wire."""

from typing import Any, Final

from souk.relay.protocols.protocol import Ask
from souk.relay.sandbox.asked import NO_TOOLS, Asked, Choice, Limits, Result, Structure, Talk, Tool, Unusable
from souk.relay.sandbox.reading.content import texts_of
from souk.relay.sandbox.view import a_text, an_object, objects, stops_of
from souk.words import JsonObject

BLOCK_KINDS: Final = {"image": "image", "document": "file"}
THINKING: Final = ("enabled", "adaptive")


def read_messages(ask: Ask, body: JsonObject) -> Asked:
    """What the request asks for. Raises Unusable."""
    messages = objects(body.get("messages"))
    if not messages:
        raise Unusable("messages: at least one message is required")
    talk = Talk()
    talk.instructed("\n".join(_texts(body.get("system"), talk)))
    for message in messages:
        _follow(message, talk)
    thinking = an_object(body.get("thinking")).get("type") in THINKING
    return Asked(
        model=ask.model,
        talk=talk,
        tools=tuple(_tool(tool) for tool in objects(body.get("tools")) if a_text(tool.get("name"))),
        choice=_choice(an_object(body.get("tool_choice"))),
        structure=_structure(body),
        limits=Limits.of(ask.max_tokens, stops_of(body.get("stop_sequences"))),
        # The compatible wire has a switch of its own for thoughts.
        thinks=thinking or body.get("thinkingFlag") is True,
    )


def _follow(message: JsonObject, talk: Talk) -> None:
    content = message.get("content")
    texts = _texts(content, talk)
    if message.get("role") == "assistant":
        talk.answered("\n".join(texts))
        for block in objects(content):
            if block.get("type") == "tool_use":
                talk.call(a_text(block.get("id")), a_text(block.get("name")), block.get("input"))
        return
    results = [
        Result(talk.called.get(a_text(block.get("tool_use_id")), "unknown"), _given_back(block, talk))
        for block in objects(content)
        if block.get("type") == "tool_result"
    ]
    talk.turn(texts, results)


def _given_back(block: JsonObject, talk: Talk) -> str:
    return "\n".join(_texts(block.get("content"), talk))


def _texts(content: Any, talk: Talk) -> list[str]:
    """The texts of a content, counting files and the model's earlier thoughts on the way."""
    for block in objects(content):
        if a_text(block.get("thinking")):
            talk.answered(block["thinking"])
    return texts_of(content, BLOCK_KINDS, talk)


def _tool(tool: JsonObject) -> Tool:
    schema = tool.get("input_schema")
    return Tool(tool["name"], an_object(schema) if isinstance(schema, dict) else None)


def _choice(given: JsonObject) -> Choice:
    parallel = given.get("disable_parallel_tool_use") is not True
    match given.get("type"):
        case "none":
            return NO_TOOLS
        case "any":
            return Choice(True, None, parallel)
        case "tool":
            return Choice(True, (a_text(given.get("name")),), parallel)
        case _:
            return Choice(parallel=parallel)


def _structure(body: JsonObject) -> Structure | None:
    format = an_object(an_object(body.get("output_config")).get("format"))
    format = format or an_object(body.get("output_format"))
    return Structure(an_object(format.get("schema"))) if format.get("type") == "json_schema" else None
