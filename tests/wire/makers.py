"""The four chat protocols side by side: a fake maker of each, and a Souk connected to it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.upstreams.anthropic import FakeAnthropic
from tests.upstreams.gemini import FakeGemini
from tests.upstreams.maker import KEY, FakeMaker
from tests.upstreams.openai import FakeOpenAI
from tests.wire.serving import Client, Reply, Souk, open_souk


@dataclass(frozen=True)
class Tongue:
    """One protocol: whom it is spoken with, where, and how a request looks."""

    name: str
    maker: type[FakeMaker]
    model: str
    path: str
    stream_path: str
    variables: tuple[str, str]
    """That of the key and that of the base URL."""
    credits: float
    """What the fake maker's usual answer costs."""

    def body(self, said: str, *, stream: bool = False, **more: Any) -> dict[str, Any]:
        match self.name:
            case "gemini":
                return {"contents": [{"role": "user", "parts": [{"text": said}]}], **more}
            case "responses":
                return {"model": self.model, "input": said, "stream": stream, **more}
            case _:
                messages = [{"role": "user", "content": said}]
                return {"model": self.model, "messages": messages, "stream": stream, **more}

    async def ask(self, client: Client, said: str = "hi", *, stream: bool = False, **more: Any) -> Reply:
        path = self.stream_path if stream else self.path
        return await client.post(path, self.body(said, stream=stream, **more))

    def message(self, reply: Reply) -> str:
        """What an error says, after a look at its shape."""
        return self.told(reply.body)

    def told(self, body: Any) -> str:
        error = body["error"]
        if self.name == "messages":
            assert body["type"] == "error"
            assert isinstance(error["type"], str)
        elif self.name == "gemini":
            assert isinstance(error["code"], int)
            assert isinstance(error["status"], str)
        else:
            assert isinstance(error["type"], str)
        return error["message"]


CHAT = Tongue(
    "chat",
    FakeOpenAI,
    "gpt-5-2",
    "/v1/chat/completions",
    "/v1/chat/completions",
    ("OPENAI_API_KEY", "SOUK_OPENAI_BASE_URL"),
    0.12,  # 100 x 350 + 20 x 35 + 30 x 2800, over a million
)
RESPONSES = Tongue(
    "responses",
    FakeOpenAI,
    "gpt-5-codex",
    "/api/v1/responses",
    "/api/v1/responses",
    ("OPENAI_API_KEY", "SOUK_OPENAI_BASE_URL"),
    0.09,  # 100 x 250 + 20 x 25 + 30 x 2000
)
MESSAGES = Tongue(
    "messages",
    FakeAnthropic,
    "claude-opus-4-5",
    "/claude/v1/messages",
    "/claude/v1/messages",
    ("ANTHROPIC_API_KEY", "SOUK_ANTHROPIC_BASE_URL"),
    0.26,  # 100 x 1000 + 20 x 100 + 8 x 1250 + 30 x 5000
)
GEMINI = Tongue(
    "gemini",
    FakeGemini,
    "gemini-3-flash",
    "/gemini/v1/models/gemini-3-flash:generateContent",
    "/gemini/v1/models/gemini-3-flash:streamGenerateContent",
    ("GEMINI_API_KEY", "SOUK_GOOGLE_BASE_URL"),
    0.03,  # 100 x 100 + 20 x 10 + 30 x 600
)
TONGUES = (CHAT, RESPONSES, MESSAGES, GEMINI)


@asynccontextmanager
async def connected(folder: Path, tongue: Tongue, **given: Any) -> AsyncIterator[tuple[Souk, Any]]:
    """A Souk whose one connection is a fake maker of this protocol, and the maker."""
    async with tongue.maker() as maker:
        key, url = tongue.variables
        env = {key: KEY, url: maker.url, **given.pop("env", {})}
        async with open_souk(folder, env=env, **given) as souk:
            yield souk, maker


def events_of(raw: bytes) -> list[Any]:
    """What a stream's events say; those that are not JSON as text."""
    found: list[Any] = []
    for line in raw.decode().splitlines():
        if line.startswith("data:"):
            text = line.removeprefix("data:").strip()
            found.append(json.loads(text) if text.startswith(("{", "[{")) else text)
    return found


def without_credits(raw: bytes) -> tuple[bytes, list[float]]:
    """An answer's bytes without what we added, and the credits that were told."""
    import re

    pattern = rb',"credits_consumed":([\d.]+)'
    return re.sub(pattern, b"", raw), [float(each) for each in re.findall(pattern, raw)]
