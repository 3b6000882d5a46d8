"""Gemini's own protocol: ``POST …/models/{model}:generateContent`` and ``:streamGenerateContent``.

Model and streaming are in the path. The compatible wire has one path for both and a ``stream`` in the body.
Every chunk of a stream tells the usage so far.
"""

import re
from typing import Final

import msgspec

from souk.catalog.chat import Usage
from souk.relay.credits import with_credits
from souk.relay.events import data_of, each, event, tell_failure
from souk.relay.members import BadAsk, Members, flag, members_of, require
from souk.relay.protocols.protocol import Ask, Cost, Fault

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""``error.status`` by HTTP status, from Google's list of canonical codes."""

_ENDS: Final = re.compile(rb'"(?:finishReason|blockReason)"\s*:\s*"')

_encode = msgspec.json.Encoder().encode


class _Usage(msgspec.Struct):
    promptTokenCount: int | None = None
    toolUsePromptTokenCount: int | None = None
    cachedContentTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    thoughtsTokenCount: int | None = None

    def usage(self) -> Usage:
        read = (self.promptTokenCount or 0) + (self.toolUsePromptTokenCount or 0)
        cached = min(self.cachedContentTokenCount or 0, read)
        wrote = (self.candidatesTokenCount or 0) + (self.thoughtsTokenCount or 0)
        return Usage(input=read - cached, output=wrote, cached=cached)


class _Whole(msgspec.Struct):
    usageMetadata: _Usage | None = None


class _Config(msgspec.Struct):
    maxOutputTokens: int | None = None
    max_output_tokens: int | None = None
    candidateCount: int | None = None
    candidate_count: int | None = None


class _Error(msgspec.Struct):
    code: int
    message: str
    status: str


class _Body(msgspec.Struct):
    error: _Error


_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode_config = msgspec.json.Decoder(_Config | None).decode


class Gemini:
    """The protocol of Google's own clients."""

    name = "gemini"

    def read(self, body: bytes, path_model: str, default_stream: bool) -> Ask:
        members = members_of(body)
        require(members, "contents")
        config = _config(members)
        return Ask(
            model=path_model,
            stream=default_stream and flag(members, "stream") is not False,
            max_tokens=config.maxOutputTokens or config.max_output_tokens,
            choices=config.candidateCount or config.candidate_count or 1,
            wants_usage=True,
            body=body,
            members=members,
        )

    def onward(self, ask: Ask, model: str) -> Members:  # noqa: ARG002 - the path names it
        return {name: value for name, value in ask.members.items() if name not in ("stream", "model")}

    def usage_of(self, body: bytes) -> Usage | None:
        try:
            told = _decode_whole(body).usageMetadata
        except ValueError:
            return None
        return told.usage() if told else None

    def reader(self, ask: Ask, cost: Cost) -> "GeminiReader":  # noqa: ARG002 - usage is always told
        return GeminiReader(self, cost)

    def error(self, fault: Fault, request_id: str = "") -> bytes:  # noqa: ARG002 - the shape has no place for it
        status = STATUSES.get(fault.status, "UNKNOWN")
        return _encode(_Body(_Error(fault.status, fault.message, status)))

    def error_event(self, fault: Fault) -> bytes:
        return event(self.error(fault))


class GeminiReader:
    """Follows a stream of chunks. Their usage is read only when somebody wants to know."""

    def __init__(self, protocol: Gemini, cost: Cost) -> None:
        self._protocol = protocol
        self._cost = cost
        self._last = b""
        self.finished = False
        self.failed = False

    @property
    def usage(self) -> Usage | None:
        """What the last chunk that told anything said."""
        return self._protocol.usage_of(data_of(each(self._last)[-1])) if self._last else None

    def feed(self, events: bytes) -> bytes:
        if b'"usageMetadata"' in events:
            self._last = events
        if tell_failure(events):
            self.failed = True
        if not _ENDS.search(events):
            return events
        self.finished = True
        return b"".join([self._ended(each_event) for each_event in each(events)])

    def _ended(self, event: bytes) -> bytes:
        usage = self._protocol.usage_of(data_of(event)) if _ENDS.search(event) else None
        return event if usage is None else with_credits(event, self._cost(usage))


def _config(members: Members) -> _Config:
    raw = members.get("generationConfig", members.get("generation_config"))
    try:
        return (_decode_config(raw) if raw is not None else None) or _Config()
    except ValueError:
        raise BadAsk("generationConfig is not what it should be", "generationConfig") from None
