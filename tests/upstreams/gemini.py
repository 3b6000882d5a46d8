"""A strict stand-in for Google: Gemini's own protocol. Its events end as Google's do, with a carriage return."""

import json
import re
from typing import Any

from tests.upstreams.maker import FakeMaker, Seen, silent

PATH = re.compile(r"/v1beta/models/[\w.-]+:(generateContent|streamGenerateContent\?alt=sse)")
FIELDS = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"}
USAGE = {
    "promptTokenCount": 120,
    "cachedContentTokenCount": 20,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 10,
    "totalTokenCount": 150,
}


class FakeGemini(FakeMaker):
    """Takes ``x-goog-api-key``; refuses fields it does not know."""

    def complaint(self, seen: Seen) -> tuple[int, str] | None:
        if not PATH.fullmatch(seen.path):
            return 404, f"unknown path {seen.path}"
        if seen.headers.get("x-goog-api-key") != self.key:
            return 400, "API key not valid"
        if unknown := set(seen.body) - FIELDS:
            return 400, f"Unknown name {min(unknown)}"
        return None

    def error(self, status: int, message: str) -> bytes:
        told = {"error": {"code": status, "message": message, "status": "MADE_UP"}}
        return json.dumps([told] if status == 429 else told).encode()  # streams answer with a list of one

    def streams(self, seen: Seen) -> bool:
        return "stream" in seen.path

    def whole(self, seen: Seen) -> bytes:
        return json.dumps(_content("Hello", "STOP", None if silent(seen.raw) else USAGE), indent=2).encode()

    def events(self, seen: Seen) -> list[bytes]:
        so_far = {"promptTokenCount": 120, "candidatesTokenCount": 1, "totalTokenCount": 121}
        quiet = silent(seen.raw)
        told = [
            _content("Hel", None, None if quiet else so_far),
            _content("lo", None, None if quiet else so_far),
            _content("", "STOP", None if quiet else USAGE),
        ]
        return [f"data: {json.dumps(each)}\r\n\r\n".encode() for each in told]

    def failure(self) -> bytes:
        return f"data: {self.error(503, 'The model is overloaded').decode()}\r\n\r\n".encode()


def _content(text: str, reason: str | None, usage: dict[str, int] | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    told: dict[str, Any] = {"candidates": [candidate], "modelVersion": "gemini-real"}
    return told | ({"usageMetadata": usage} if usage else {})
