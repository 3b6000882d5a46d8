"""A stand-in for KIE.AI's chat: the makers' answers at its paths, and in each what it cost there."""

import re

from tests.upstreams.maker import KEY, FakeMaker, Seen
from tests.upstreams.openai import CHAT, RESPONSES

PATH = re.compile(
    r"/[\w.-]+/v1/chat/completions|/(?:codex|grok|api|claude)/v1/(?:responses|messages)"
    r"|/gemini/v1/models/[\w.-]+:streamGenerateContent"
)
COST = 97.25
"""Credits, which nobody but the operator may learn."""
FIRST = rb'\1"credits_consumed": %.2f,\2' % COST
LAST = b', "credits_consumed" :%.2f}' % COST
OBJECT = re.compile(rb"(\{(\s*))")
OWN = re.compile(rb'((?:data: |"response": |"message": )\{())')
"""The objects of an event in which the protocol itself speaks."""
TEXT = rb"Hel {\"credits_consumed\": 1} \\"
"""Said by the model."""


class FakeMarket(FakeMaker):
    """Tells its credits first in each event, and first or last in a whole answer."""

    def __init__(self, maker: FakeMaker, *, first: bool = False) -> None:
        super().__init__()
        self._maker = maker
        self._first = first

    def complaint(self, seen: Seen) -> tuple[int, str] | None:
        if not PATH.fullmatch(seen.path):
            return 404, f"unknown path {seen.path}"
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            return 401, "no such key"
        return None

    def error(self, status: int, message: str) -> bytes:
        return OBJECT.sub(FIRST, self._maker.error(status, message))

    def streams(self, seen: Seen) -> bool:
        return bool(seen.body.get("stream"))

    def said_whole(self, seen: Seen) -> bytes:
        """The answer without what it cost."""
        return self._maker.whole(_at_the_maker(seen)).replace(b"Hel", TEXT)

    def said(self, seen: Seen) -> bytes:
        """The stream without what it cost."""
        return b"".join(self._maker.events(_at_the_maker(seen))).replace(b"Hel", TEXT)

    def whole(self, seen: Seen) -> bytes:
        said = self.said_whole(seen)
        if self._first:
            return OBJECT.sub(FIRST, said, count=1)
        at = said.rindex(b"}")
        return said[:at] + LAST + said[at + 1 :]

    def events(self, seen: Seen) -> list[bytes]:
        return [
            OWN.sub(FIRST, event).replace(b"Hel", TEXT) for event in self._maker.events(_at_the_maker(seen))
        ]

    def failure(self) -> bytes:
        return OBJECT.sub(FIRST, self._maker.failure())


def _at_the_maker(seen: Seen) -> Seen:
    path = RESPONSES if seen.path.endswith("/responses") else CHAT
    return Seen(path, seen.headers, seen.raw, seen.peer)
