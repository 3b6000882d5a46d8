"""A strict stand-in for Anthropic: messages. No real answer is public; the shapes are the maker's own reference's."""

import json
from typing import Any

from tests.upstreams.maker import FakeMaker, Seen, event, silent

PATH = "/v1/messages"
VERSION = "2023-06-01"
BEARER_VERSION = "2026-10-21"
"""From this version on the key is a bearer token."""
FIELDS = {
    *("model", "messages", "max_tokens", "stream", "system", "tools", "tool_choice", "thinking", "metadata"),
    *("temperature", "stop_sequences", "output_config"),
}
USAGE = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 8,
    "cache_read_input_tokens": 20,
    "output_tokens": 30,
}
ANSWER = ("Hel", "lo")


class FakeAnthropic(FakeMaker):
    """Takes ``x-api-key``, or a bearer token in the newer version.

    Refuses fields it does not know, and requests without ``max_tokens``.
    """

    def complaint(self, seen: Seen) -> tuple[int, str] | None:
        if seen.path != PATH:
            return 404, f"unknown path {seen.path}"
        version = seen.headers.get("anthropic-version")
        if version not in (VERSION, BEARER_VERSION):
            return 400, "anthropic-version: header is required"
        keys = seen.headers.get("x-api-key"), seen.headers.get("authorization")
        if keys != ((self.key, None) if version == VERSION else (None, f"Bearer {self.key}")):
            return 401, "invalid x-api-key"
        body = seen.body
        if not isinstance(body.get("max_tokens"), int):
            return 400, "max_tokens: Field required"
        if unknown := set(body) - FIELDS:
            return 400, f"{min(unknown)}: Extra inputs are not permitted"
        thinking = body.get("thinking")
        if thinking and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            return 400, "thinking.budget_tokens: must be at least 1024 and below max_tokens"
        return None

    def error(self, status: int, message: str) -> bytes:
        kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()

    def streams(self, seen: Seen) -> bool:
        return bool(seen.body.get("stream"))

    def whole(self, seen: Seen) -> bytes:
        told = _message([{"type": "text", "text": "".join(ANSWER)}], "end_turn")
        if not silent(seen.raw):
            told["usage"] = USAGE
        return json.dumps(told).encode()

    def events(self, seen: Seen) -> list[bytes]:
        before = USAGE | {"output_tokens": 1}
        quiet = silent(seen.raw)
        told: list[dict[str, Any]] = [
            {"type": "message_start", "message": _message([], None) | ({} if quiet else {"usage": before})},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
                for text in ANSWER
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
            | ({} if quiet else {"usage": {"output_tokens": USAGE["output_tokens"]}}),
            {"type": "message_stop"},
        ]
        return [event(each, each["type"]) for each in told]

    def failure(self) -> bytes:
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return event({"type": "error", "error": error}, "error")


def _message(content: list[Any], reason: str | None) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-real",
        "content": content,
        "stop_reason": reason,
    }
