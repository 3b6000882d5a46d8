"""KIE.AI, or another Souk: one path a model for chat completions, one a maker for the rest."""

import re
from typing import Final
from urllib.parse import quote

from souk.providers.chat.speech import Speech, Speeches

_NATIVE: Final = {"gemini-3-flash": "gemini-3-flash-v1betamodels"}
"""What a model is called in Gemini's protocol, where that differs."""
_SUFFIXED: Final = re.compile(r"gemini-3-[567]-flash")
"""Models whose name in chat completions ends in ``-openai``."""


def _chat(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body says whether to stream
    name = f"{model}-openai" if _SUFFIXED.fullmatch(model) else model
    return f"{base}/{quote(name, safe='-._')}/v1/chat/completions"


def _messages(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body names both
    return f"{base}/claude/v1/messages"


def _responses(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body says whether to stream
    family = "/grok" if model.startswith("grok") else "/api" if model.endswith("-codex") else "/codex"
    return f"{base}{family}/v1/responses"


def _gemini(base: str, model: str, stream: bool) -> str:  # noqa: ARG001 - the body says whether to stream
    return f"{base}/gemini/v1/models/{quote(_NATIVE.get(model, model), safe='-._')}:streamGenerateContent"


SPEECHES: Final[Speeches] = {
    "chat": Speech(_chat, enveloped=True, tells_credits=True),
    "messages": Speech(_messages, enveloped=True, tells_credits=True),
    "responses": Speech(_responses, enveloped=True, tells_credits=True),
    "gemini": Speech(_gemini, says_stream=True, enveloped=True, tells_credits=True),
}
