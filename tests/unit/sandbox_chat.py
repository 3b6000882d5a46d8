"""Asking the sandbox of chat in any protocol, and reading what it answers."""

import json
from dataclasses import dataclass
from typing import Any

from souk.relay.protocols import PROTOCOLS
from souk.relay.sandbox import SandboxChat
from tests.clock import HandClock

MODELS = {
    "chat": "gpt-5-2",
    "responses": "gpt-5-codex",
    "messages": "claude-sonnet-4-5",
    "gemini": "gemini-3-flash",
}
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 2},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Said:
    """What came back."""

    status: int
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The events of a stream: their names and data, JSON read."""
        found: list[tuple[str, Any]] = []
        for block in self.raw.decode().split("\n\n"):
            if not block:
                continue
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            data = lines["data"]
            found.append((lines.get("event", ""), data if data == "[DONE]" else json.loads(data)))
        return found

    @property
    def data(self) -> list[Any]:
        return [data for _, data in self.events if data != "[DONE]"]


async def ask(protocol: str, body: dict[str, Any], *, stream: bool = False, delay: float = 0.0) -> Said:
    """The sandbox's answer to this body."""
    wire = PROTOCOLS[protocol]
    request = wire.read(json.dumps(body).encode(), MODELS[protocol], stream)
    answer = await SandboxChat(HandClock(), delay).send(wire, request, stream)
    raw = answer.body if isinstance(answer.body, bytes) else b"".join([piece async for piece in answer.body])
    return Said(answer.status, raw, dict(answer.headers))


def saying(protocol: str, said: str, /, **more: Any) -> dict[str, Any]:
    """A request with one user message."""
    match protocol:
        case "responses":
            return {"input": said, **more}
        case "gemini":
            return {"contents": [{"role": "user", "parts": [{"text": said}]}], **more}
        case _:
            return {"messages": [{"role": "user", "content": said}], **more}


def text_of(protocol: str, body: dict[str, Any]) -> str:
    """The text of a whole answer."""
    match protocol:
        case "chat":
            return body["choices"][0]["message"]["content"] or ""
        case "responses":
            parts = [item["content"] for item in body["output"] if item["type"] == "message"]
            return "".join(part["text"] for content in parts for part in content)
        case "messages":
            return "".join(block["text"] for block in body["content"] if block["type"] == "text")
        case _:
            parts = body["candidates"][0]["content"]["parts"]
            return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def streamed_text(protocol: str, said: Said) -> str:
    """The text of a streamed answer."""
    match protocol:
        case "chat":
            deltas = [choice["delta"] for chunk in said.data for choice in chunk["choices"]]
            return "".join(delta.get("content") or "" for delta in deltas)
        case "responses":
            return "".join(event["delta"] for name, event in named(said, "response.output_text.delta"))
        case "messages":
            deltas = [event["delta"] for _, event in named(said, "content_block_delta")]
            return "".join(delta.get("text", "") for delta in deltas)
        case _:
            parts = [part for chunk in said.data for part in chunk["candidates"][0]["content"]["parts"]]
            return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def named(said: Said, name: str) -> list[tuple[str, Any]]:
    """The events of one name."""
    return [(found, data) for found, data in said.events if found == name]


def offering(
    protocol: str, name: str = "get_weather", schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The member of a request that offers one tool."""
    schema = WEATHER if schema is None else schema
    match protocol:
        case "chat":
            return {"tools": [{"type": "function", "function": {"name": name, "parameters": schema}}]}
        case "responses":
            return {"tools": [{"type": "function", "name": name, "parameters": schema}]}
        case "messages":
            return {"tools": [{"name": name, "input_schema": schema}]}
        case _:
            return {"tools": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": schema}]}]}


def calls_of(protocol: str, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The tool calls of a whole answer: names and arguments."""
    match protocol:
        case "chat":
            calls = [call["function"] for call in body["choices"][0]["message"].get("tool_calls", [])]
            return [(call["name"], json.loads(call["arguments"])) for call in calls]
        case "responses":
            items = [item for item in body["output"] if item["type"] == "function_call"]
            return [(item["name"], json.loads(item["arguments"])) for item in items]
        case "messages":
            blocks = [block for block in body["content"] if block["type"] == "tool_use"]
            return [(block["name"], block["input"]) for block in blocks]
        case _:
            parts = body["candidates"][0]["content"]["parts"]
            calls = [part["functionCall"] for part in parts if "functionCall" in part]
            return [(call["name"], call["args"]) for call in calls]
