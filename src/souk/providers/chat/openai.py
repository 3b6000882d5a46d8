"""OpenAI, xAI and every server that speaks OpenAI's chat completions.

Sources: the makers' API references for ``/v1/chat/completions`` and ``/v1/responses``.
"""

from typing import Final

from souk.providers.chat.speech import Members, Speech, Speeches, under, without

OPENAI_URL: Final = "https://api.openai.com/v1"
XAI_URL: Final = "https://api.x.ai/v1"

_plain = without("include_thoughts")


def _as_openai_wants(members: Members) -> None:
    """Its reasoning models refuse ``max_tokens``; all of them take the newer name."""
    _plain(members)
    most = members.pop("max_tokens", None)
    if most is not None:
        members.setdefault("max_completion_tokens", most)


OPENAI: Final[Speeches] = {
    "chat": Speech(under("/chat/completions"), adapt=_as_openai_wants),
    "responses": Speech(under("/responses")),
}
XAI: Final[Speeches] = {
    "chat": Speech(under("/chat/completions"), adapt=_plain),
    "responses": Speech(under("/responses")),
}
COMPATIBLE: Final[Speeches] = {"chat": Speech(under("/chat/completions"), adapt=_plain)}
