"""A strict stand-in for OpenAI: chat completions and responses. xAI and servers of one's own speak the same."""

import json
from typing import Any

from tests.upstreams.maker import FakeMaker, Seen, event, silent

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
ANSWER = ("Hel", 'lo – “you” \\ "usage":{')
"""Two pieces of text, with all that could confuse somebody who looks for usage in bytes."""
READ, CACHED, WROTE = 120, 20, 30
USAGE = {
    "prompt_tokens": READ,
    "completion_tokens": WROTE,
    "total_tokens": READ + WROTE,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}
RESPONSE_USAGE = {
    "input_tokens": READ,
    "input_tokens_details": {"cached_tokens": CACHED},
    "output_tokens": WROTE,
    "total_tokens": READ + WROTE,
}
CHAT_FIELDS = {
    *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "reasoning_effort"),
    *("max_completion_tokens", "n", "temperature", "response_format", "extra_body"),
}


class FakeOpenAI(FakeMaker):
    """Takes bearer tokens; refuses fields it does not know."""

    def complaint(self, seen: Seen) -> tuple[int, str] | None:
        if seen.path not in (CHAT, RESPONSES):
            return 404, f"unknown path {seen.path}"
        if seen.headers.get("authorization") != (f"Bearer {self.key}" if self.key else None):
            return 401, f"Incorrect API key provided: {seen.headers.get('authorization')}"
        body = seen.body
        if not isinstance(body.get("model"), str) or not isinstance(body.get("stream"), bool):
            return 400, "model and stream are required"
        if seen.path == CHAT and (unknown := set(body) - CHAT_FIELDS):
            return 400, f"Unknown parameter: {min(unknown)}"
        if "stream_options" in body and not body["stream"]:
            return 400, "stream_options needs stream"
        return None

    def error(self, status: int, message: str) -> bytes:
        return json.dumps(
            {"error": {"message": message, "type": "made_up", "param": "x", "code": None}}
        ).encode()

    def streams(self, seen: Seen) -> bool:
        return bool(seen.body["stream"])

    def whole(self, seen: Seen) -> bytes:
        told: dict[str, Any]
        if seen.path == CHAT:
            message = {"role": "assistant", "content": "".join(ANSWER), "refusal": None}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            told = {"id": "chatcmpl-1", "object": "chat.completion", "model": "real", "choices": [choice]}
            usage = USAGE
        else:
            part = {"type": "output_text", "text": "".join(ANSWER), "annotations": []}
            output = [{"type": "message", "role": "assistant", "content": [part]}]
            told = {"id": "resp_1", "object": "response", "status": "completed", "output": output}
            usage = RESPONSE_USAGE
        if not silent(seen.raw):
            told["usage"] = usage
        return json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n"

    def events(self, seen: Seen) -> list[bytes]:
        return self._chunks(seen) if seen.path == CHAT else self._response(seen)

    def _chunks(self, seen: Seen) -> list[bytes]:
        asked = seen.body.get("stream_options", {}).get("include_usage") and not silent(seen.raw)
        more = {"usage": None} if asked else {}
        chunks: list[Any] = [_chunk({"content": text}, None) | more for text in ANSWER]
        chunks.append(_chunk({}, "stop") | more)
        if asked:
            chunks.append(
                {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
            )
        return [event(chunk) for chunk in (*chunks, "[DONE]")]

    def _response(self, seen: Seen) -> list[bytes]:
        deltas = [{"type": "response.output_text.delta", "delta": text} for text in ANSWER]
        response = {
            "id": "resp_1",
            "status": "completed",
            "usage": None if silent(seen.raw) else RESPONSE_USAGE,
        }
        events = [*deltas, {"type": "response.completed", "sequence_number": 2, "response": response}]
        return [event(told, str(told["type"])) for told in events]

    def failure(self) -> bytes:
        return event({"error": {"message": "overloaded", "type": "server_error", "code": None}})


def _chunk(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "real", "choices": [choice]}
