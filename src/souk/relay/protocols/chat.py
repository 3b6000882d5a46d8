"""OpenAI's chat completions: ``POST /v1/chat/completions``, and what other makers offer in its shape.

A stream tells its usage only to those who ask (``stream_options.include_usage``), in one more chunk without
choices. We always ask; who did not ask does not get that chunk.
"""

import re
from typing import Any, Final

import msgspec

from souk.catalog.chat import Usage
from souk.relay.credits import with_credits
from souk.relay.events import data_of, each, event, tell_failure
from souk.relay.members import BadAsk, Members, count, flag, members_of, require, text
from souk.relay.protocols.openai import error_body
from souk.relay.protocols.protocol import Ask, Cost, Fault

_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')
_FINISHED: Final = re.compile(rb'"finish_reason"\s*:\s*"')
_DONE: Final = b"data: [DONE]"


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None

    def usage(self) -> Usage:
        details = self.prompt_tokens_details
        read = self.prompt_tokens or 0
        cached = min((details.cached_tokens if details else 0) or 0, read)
        # Some makers count thoughts in the total only.
        wrote = max(self.completion_tokens or 0, (self.total_tokens or 0) - read)
        return Usage(input=read - cached, output=wrote, cached=cached)


class _Whole(msgspec.Struct):
    usage: _Usage | None = None


class _Chunk(msgspec.Struct):
    usage: _Usage | None = None
    choices: list[msgspec.Raw] = []


_decode_whole = msgspec.json.Decoder(_Whole).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_options = msgspec.json.Decoder(dict[str, Any] | None).decode
_encode = msgspec.json.Encoder().encode


class ChatCompletions:
    """The protocol most clients speak."""

    name = "chat"

    def read(self, body: bytes, path_model: str, default_stream: bool) -> Ask:
        members = members_of(body)
        require(members, "messages")
        stream = flag(members, "stream")
        return Ask(
            model=path_model or text(members, "model"),
            stream=default_stream if stream is None else stream,
            max_tokens=count(members, "max_completion_tokens") or count(members, "max_tokens"),
            choices=count(members, "n") or 1,
            wants_usage=bool(_options(members).get("include_usage")),
            body=body,
            members=members,
        )

    def onward(self, ask: Ask, model: str) -> Members:
        members = {**ask.members, "model": _encode(model), "stream": b"true" if ask.stream else b"false"}
        members.pop("stream_options", None)
        if ask.stream:
            members["stream_options"] = _encode({**_options(ask.members), "include_usage": True})
        return members

    def usage_of(self, body: bytes) -> Usage | None:
        try:
            told = _decode_whole(body).usage
        except ValueError:
            return None
        return told.usage() if told else None

    def reader(self, ask: Ask, cost: Cost) -> "ChatReader":
        return ChatReader(ask.wants_usage, cost)

    def error(self, fault: Fault, request_id: str = "") -> bytes:  # noqa: ARG002 - the shape has no place for it
        return error_body(fault)

    def error_event(self, fault: Fault) -> bytes:
        return event(error_body(fault))


class ChatReader:
    """Follows a stream of chunks."""

    def __init__(self, wants_usage: bool, cost: Cost) -> None:
        self._wants_usage = wants_usage
        self._cost = cost
        self._done = False
        self._tail = self._last = b""
        self.usage: Usage | None = None
        self.failed = False

    @property
    def finished(self) -> bool:
        """Not every maker says ``[DONE]``, but all tell why a choice ended."""
        return self._done or bool(_FINISHED.search(self._tail) or _FINISHED.search(self._last))

    def feed(self, events: bytes) -> bytes:
        self._tail, self._last = self._last, events
        if _DONE in events:
            self._done = True
        if tell_failure(events):
            self.failed = True
        if b'"usage"' not in events or not _USAGE.search(events):
            return events
        return b"".join([self._told(each_event) for each_event in each(events)])

    def _told(self, event: bytes) -> bytes:
        if not _USAGE.search(event):
            return event
        try:
            chunk = _decode_chunk(data_of(event))
        except ValueError:
            return event
        if chunk.usage is None:
            return event
        self.usage = chunk.usage.usage()
        if self._wants_usage:
            return with_credits(event, self._cost(self.usage))
        return event if chunk.choices else b""


def _options(members: Members) -> dict[str, Any]:
    raw = members.get("stream_options")
    if raw is None:
        return {}
    try:
        return _decode_options(raw) or {}
    except ValueError:
        raise BadAsk("stream_options must be an object", "stream_options") from None
