"""Google: Gemini's own protocol, and OpenAI's chat completions in its compatible endpoint.

Source: the Gemini API's pages on generateContent and on OpenAI compatibility.
"""

from typing import Final
from urllib.parse import quote

from souk.providers.base import Connection
from souk.providers.chat.speech import Members, Speech, Speeches

BASE_URL: Final = "https://generativelanguage.googleapis.com"
_VERSIONS: Final = ("/v1beta", "/v1")
_THOUGHTS: Final = b'{"google":{"thinking_config":{"include_thoughts":true}}}'


def _base(base: str) -> str:
    for version in _VERSIONS:
        base = base.removesuffix(version)
    return f"{base}/v1beta"


def _native(base: str, model: str, stream: bool) -> str:
    call = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"{_base(base)}/models/{quote(model, safe='-._')}:{call}"


def _compatible(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body names both
    return f"{_base(base)}/openai/chat/completions"


def _key(connection: Connection) -> dict[str, str]:
    return {"x-goog-api-key": connection.api_key}


def _thoughts(members: Members) -> None:
    """The wish to see thoughts, where Google looks for it; it refuses the wish beside a reasoning effort."""
    wanted = bytes(members.pop("include_thoughts", b"false"))
    if wanted == b"true" and "reasoning_effort" not in members:
        members.setdefault("extra_body", _THOUGHTS)


SPEECHES: Final[Speeches] = {
    "gemini": Speech(_native, _key),
    "chat": Speech(_compatible, adapt=_thoughts),
}
