"""OpenAI's chat completions, read. Source: the API reference, "Create chat completion"; and the compatible wire."""

from typing import Any, Final

import msgspec

from souk.relay.protocols.protocol import Ask
from souk.relay.sandbox.asked import NO_TOOLS, Asked, Choice, Limits, Result, Structure, Talk, Tool, Unusable
from souk.relay.sandbox.reading.content import texts_of
from souk.relay.sandbox.view import a_text, an_object, objects, stops_of
from souk.words import JsonObject

MOST_CHOICES: Final = 128
PART_KINDS: Final = {"image_url": "image", "input_audio": "audio", "file": "file"}


def read_chat(ask: Ask, body: JsonObject) -> Asked:
    """What the request asks for. Raises Unusable."""
    messages = objects(body.get("messages"))
    if not messages:
        raise Unusable("messages must be a list of at least one message")
    if not 1 <= ask.choices <= MOST_CHOICES:
        raise Unusable(f"n must be a whole number from 1 to {MOST_CHOICES}")
    return Asked(
        model=ask.model,
        talk=_talk(messages),
        tools=read_tools(body.get("tools")),
        choice=read_choice(body.get("tool_choice"), body.get("parallel_tool_calls") is not False),
        structure=_structure(an_object(body.get("response_format"))),
        limits=Limits.of(ask.max_tokens, stops_of(body.get("stop"))),
        choices=ask.choices,
        thinks=body.get("include_thoughts") is True,
    )


def read_tools(given: Any) -> tuple[Tool, ...]:
    """Tools with their function inside (chat) or beside (responses) the type; a text of JSON is taken too."""
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except ValueError:
            given = []
    return tuple(_tool(tool) for tool in objects(given) if _tool(tool).name)


def _tool(tool: JsonObject) -> Tool:
    kind = a_text(tool.get("type"))
    function = an_object(tool.get("function")) or tool
    name = a_text(function.get("name"))
    if kind not in ("function", ""):
        return Tool(name or kind)
    return Tool(name, an_object(function.get("parameters")))


def read_choice(given: Any, parallel: bool) -> Choice:
    """``none``, ``auto``, ``required``, or an object that names a function or lists allowed ones."""
    if given == "none":
        return NO_TOOLS
    if not isinstance(given, dict):
        return Choice(given == "required", None, parallel)
    choice = an_object(given)
    listed = an_object(choice.get("allowed_tools")) or choice
    if choice.get("type") == "allowed_tools":
        names = tuple(_named(tool) for tool in objects(listed.get("tools")))
        return Choice(listed.get("mode") == "required", names, parallel)
    return Choice(True, (_named(choice),), parallel)


def _named(holder: JsonObject) -> str:
    return a_text((an_object(holder.get("function")) or holder).get("name"))


def _talk(messages: list[JsonObject]) -> Talk:
    talk = Talk()
    for message in messages:
        match message.get("role"):
            case "system" | "developer":
                talk.instructed("\n".join(texts_of(message.get("content"), PART_KINDS, talk)))
            case "assistant":
                talk.answered("\n".join(texts_of(message.get("content"), PART_KINDS, talk)))
                for call in objects(message.get("tool_calls")):
                    function = an_object(call.get("function"))
                    talk.call(a_text(call.get("id")), a_text(function.get("name")), function.get("arguments"))
            case "tool" | "function":
                id = a_text(message.get("tool_call_id"))
                tool = talk.called.get(id) or a_text(message.get("name")) or "unknown"
                talk.turn([], [Result(tool, "\n".join(texts_of(message.get("content"), PART_KINDS, talk)))])
            case _:
                talk.turn(texts_of(message.get("content"), PART_KINDS, talk), [])
    return talk


def _structure(format: JsonObject) -> Structure | None:
    """The answer's form. The compatible wire's older shape has the schema's words beside the type."""
    if "json_schema" in format:
        wrapped = an_object(format["json_schema"])
        return Structure(an_object(wrapped.get("schema")) or ({} if "name" in wrapped else wrapped))
    if "properties" in format:
        return Structure({**format, "type": "object"})
    return Structure({}) if format.get("type") in ("json_object", "json_schema") else None
