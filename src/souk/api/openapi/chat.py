"""Chat in words: the makers' own protocols at their own paths, and the list of models."""

from typing import Final

from souk.api.chat import TEMPLATES, place_of
from souk.api.openapi.operation import Operation
from souk.api.openapi.shapes import answer, flag, in_path, json_body, listed, number, ref, text, thing, whole
from souk.words import JsonObject

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
TAG = "Chat"

_MESSAGE: JsonObject = {"type": "object", "required": ["role", "content"]}
_CREDITS = number("What the answer cost, in credits.")
_EVENT = thing(
    {
        "event": text("Its name, in protocols that name their events."),
        "data": text("An object of the protocol as JSON, or `[DONE]` at the end."),
    },
    "One server-sent event.",
    optional=("event",),
)
_ERROR = thing(
    {
        "message": text("What is wrong, and what to do."),
        "type": text("The maker's kind of error."),
        "param": {"type": ["string", "null"]},
        "code": {"type": ["string", "null"], "description": "Ours, such as `insufficient_credits`."},
    },
    optional=("param", "code"),
)
SCHEMAS: JsonObject = {
    "ChatFailure": {
        "description": "An error in the shape of the protocol that was spoken.",
        "anyOf": [
            thing({"error": _ERROR}, "OpenAI's, and Anthropic's beside `type`."),
            thing({"error": thing({"code": whole(), "message": text(), "status": text()})}, "Gemini's."),
        ],
    },
    "ChatModel": thing(
        {
            "id": text("What requests name."),
            "object": text(enum=["model"]),
            "created": whole(),
            "owned_by": text("The brand."),
            "type": text(enum=["model"]),
            "display_name": text("How people call it."),
            "created_at": text(),
        },
        "A chat model as the makers' clients read it.",
    ),
}

_MODEL = text("A chat model's id or alias.")
_STREAM = flag("Whether the answer comes as server-sent events.")
_BODIES: Final[dict[str, JsonObject]] = {
    "chat": {
        "type": "object",
        "required": ["messages"],
        "properties": {
            "model": _MODEL,
            "messages": listed(_MESSAGE, "The conversation, oldest first.", minItems=1),
            "stream": _STREAM,
            "stream_options": {"type": "object"},
            "max_tokens": whole(minimum=1),
            "tools": {"type": "array", "items": {"type": "object"}},
        },
    },
    "responses": {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": _MODEL,
            "input": {"type": ["string", "array"], "minLength": 1, "minItems": 1},
            "stream": _STREAM,
            "max_output_tokens": whole(minimum=1),
            "tools": {"type": "array", "items": {"type": "object"}},
        },
    },
    "messages": {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": _MODEL,
            "messages": listed(_MESSAGE, "The conversation, oldest first.", minItems=1),
            "max_tokens": whole("4096 if left out.", minimum=1),
            "stream": _STREAM,
            "thinkingFlag": flag("Whether to think first, where `thinking` does not say."),
            "tools": {"type": "array", "items": {"type": "object"}},
        },
    },
    "gemini": {
        "type": "object",
        "required": ["contents"],
        "properties": {
            "contents": listed({"type": "object"}, "The conversation, oldest first.", minItems=1),
            "stream": flag("False asks streamGenerateContent for a whole answer."),
            "generationConfig": {"type": "object"},
            "tools": {"type": "array", "items": {"type": "object"}},
        },
    },
}
_SAID: Final[JsonObject] = {"role": "user", "content": "Say hello in one sentence."}
_EXAMPLES: Final[dict[str, JsonObject]] = {
    "chat": {"model": "gpt-5-2", "messages": [_SAID], "stream": False},
    "responses": {"model": "gpt-5-4", "input": "Say hello in one sentence."},
    "messages": {"model": "claude-sonnet-4-5", "messages": [_SAID], "stream": False},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Say hello in one sentence."}]}]},
}
_TOLD: Final = {
    "chat": "OpenAI's chat completions",
    "responses": "OpenAI's responses",
    "messages": "Anthropic's messages",
    "gemini": "Gemini's generateContent",
}
_NAMES: Final = {
    "/v1/chat/completions": "chatCompletions",
    "/api/v1/chat/completions": "chatCompletionsOfTheMarket",
    "/{model}/v1/chat/completions": "chatCompletionsOfModel",
    "/v1/messages": "messages",
    "/claude/v1/messages": "claudeMessages",
    "/v1/responses": "responses",
    "/api/v1/responses": "responsesOfTheMarket",
    "/codex/v1/responses": "codexResponses",
    "/grok/v1/responses": "grokResponses",
    "/gemini/v1/models/{model}:generateContent": "geminiContent",
    "/gemini/v1/models/{model}:streamGenerateContent": "geminiStream",
    "/v1beta/models/{model}:generateContent": "betaContent",
    "/v1beta/models/{model}:streamGenerateContent": "betaStream",
    "/v1/models/{model}:generateContent": "modelContent",
    "/v1/models/{model}:streamGenerateContent": "modelStream",
}
_FAILURES: Final = {
    "400": "The request cannot be understood, or the model's maker refuses it.",
    "401": "No key, or an unknown one.",
    "402": "Not enough credits, or the key's cap is reached.",
    "403": "The key may not be used from this address.",
    "404": "No such chat model, not in this protocol, or no connection serves it; the message names the setting.",
    "413": "The body is too large.",
    "422": "The model's maker refuses the request.",
    "429": "Too many requests, here or at the model's maker.",
    "500": "This server failed.",
    "502": "The model's maker cannot be reached, refuses this server, or broke off.",
    "503": "The model's maker is overloaded, or the operator paused the model.",
}


def _answers(protocol: str) -> JsonObject:
    told = {"type": "object", "properties": {"credits_consumed": _CREDITS}}
    found: JsonObject = {
        "200": {
            "description": f"{_TOLD[protocol]}: a whole answer, or a stream of events.",
            "content": {JSON: {"schema": told}, EVENTS: {"schema": _EVENT}},
        }
    }
    return found | {code: answer(why, JSON, ref("ChatFailure")) for code, why in _FAILURES.items()}


def _chat(path: str) -> Operation:
    place = place_of(path.replace("{model}", "model"))
    if place is None:
        raise LookupError(f"{path} is no path of chat")
    protocol, _, streams = place
    name = protocol.name
    example, model = _EXAMPLES[name], "gemini-3-flash" if name == "gemini" else "gpt-5-2"
    usual = {True: "streamed", False: "whole", None: "streamed or whole, as the model says"}[streams]
    return Operation(
        "POST",
        path,
        _NAMES[path],
        TAG,
        f"Chat in {_TOLD[name]}",
        f"The maker's own request and answer, passed on as they are; `credits_consumed` is added. "
        f"Unless the request says otherwise the answer comes {usual}.",
        parameters=(in_path("model", text(), "A chat model's id or alias.", model),)
        if "{model}" in path
        else (),
        body=json_body(_BODIES[name], examples={"hello": {"summary": "Hello", "value": example}}),
        answers=_answers(name),
    )


_LIST = thing(
    {
        "object": text(enum=["list"]),
        "data": listed(ref("ChatModel")),
        "has_more": flag(),
        "first_id": text(),
        "last_id": text(),
    },
    optional=("first_id", "last_id"),
)
_KEYLESS: Final = {code: answer(_FAILURES[code], JSON, ref("ChatFailure")) for code in ("401", "403", "404")}

OPERATIONS = (
    *(_chat(path) for path in TEMPLATES),
    Operation(
        "GET",
        "/v1/models",
        "listChatModels",
        TAG,
        "List the chat models",
        answers={"200": answer("All of them.", JSON, _LIST), **_KEYLESS},
    ),
    Operation(
        "GET",
        "/v1/models/{model}",
        "getChatModel",
        TAG,
        "Get one chat model",
        parameters=(in_path("model", text(), "A chat model's id or alias.", "gpt-5-2"),),
        answers={"200": answer("The model.", JSON, ref("ChatModel")), **_KEYLESS},
    ),
)
