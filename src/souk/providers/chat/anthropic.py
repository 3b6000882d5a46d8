"""Anthropic: its own messages, and OpenAI's chat completions in its compatible endpoint.

Two pairs of headers are live. The classic one is the default, because the newer version refuses
``temperature`` and its like, which clients send. Source: the maker's pages on versions and OpenAI compatibility.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from souk.providers.base import Connection
from souk.providers.chat.speech import Members, Speech, Speeches, bearer, without

BASE_URL: Final = "https://api.anthropic.com"
CLASSIC: Final = "2023-06-01"
BEARER_SINCE: Final = "2026-10-21"
"""From this version on the key travels as a bearer token."""
LEAST_THINKING: Final = 1024
USUAL_THINKING: Final = 2048


def _headers(connection: Connection) -> dict[str, str]:
    version = connection.options.get("version", CLASSIC)
    key = bearer(connection) if version >= BEARER_SINCE else {"x-api-key": connection.api_key}
    return {**key, "anthropic-version": version}


def _thinking(members: Members) -> None:
    """The compatible wire's own switch, in the maker's words."""
    wanted = members.pop("thinkingFlag", b"false")
    if bytes(wanted) == b"true" and "thinking" not in members:
        most = msgspec.json.decode(members["max_tokens"], type=int)
        budget = max(LEAST_THINKING, min(USUAL_THINKING, most - 1))
        members["thinking"] = b'{"type":"enabled","budget_tokens":%d}' % budget


def _at(path: str) -> Callable[[str, str, bool], str]:
    def url(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body names both
        return f"{base.removesuffix('/v1')}/v1{path}"

    return url


SPEECHES: Final[Speeches] = {
    "messages": Speech(_at("/messages"), _headers, _thinking, passes=("anthropic-beta",)),
    "chat": Speech(_at("/chat/completions"), adapt=without("include_thoughts")),
}
