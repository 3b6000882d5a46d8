"""Anthropic's messages: ``POST /v1/messages``. A stream tells what it read first and what it wrote last."""

import re
from typing import Final

import msgspec

from souk.catalog.chat import Usage
from souk.relay.credits import with_credits
from souk.relay.events import data_of, each, event
from souk.relay.members import Members, count, flag, members_of, require, text
from souk.relay.protocols.protocol import Ask, Cost, Fault

MAX_TOKENS: Final = 4096
"""The compatible wire's default; the maker's own API has none and demands the field."""
LEAST_TO_THINK: Final = 2048
"""Tokens for thoughts and answer together, where the compatible wire's switch asks for thoughts."""
TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""``error.type`` by HTTP status, from the maker's list of errors."""

_MATTERS: Final = re.compile(rb'"type"\s*:\s*"(?:message_start|message_delta|message_stop|error)"')

_encode = msgspec.json.Encoder().encode


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None

    def after(self, before: Usage) -> Usage:
        """The usage by now; what is not told again stands."""
        return Usage(
            input=_later(self.input_tokens, before.input),
            output=_later(self.output_tokens, before.output),
            cached=_later(self.cache_read_input_tokens, before.cached),
            written=_later(self.cache_creation_input_tokens, before.written),
        )


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str
    message: _Message | None = None
    usage: _Usage | None = None


class _Error(msgspec.Struct):
    type: str
    message: str


class _Body(msgspec.Struct, omit_defaults=True, tag="error"):
    error: _Error
    request_id: str = ""


_decode_whole = msgspec.json.Decoder(_Message).decode
_decode_event = msgspec.json.Decoder(_Event).decode


class Messages:
    """The protocol of the Claude models."""

    name = "messages"

    def read(self, body: bytes, path_model: str, default_stream: bool) -> Ask:
        members = members_of(body)
        require(members, "messages")
        stream = flag(members, "stream")
        most = count(members, "max_tokens") or MAX_TOKENS
        if flag(members, "thinkingFlag"):
            most = max(most, LEAST_TO_THINK)
        return Ask(
            model=path_model or text(members, "model"),
            stream=default_stream if stream is None else stream,
            max_tokens=most,
            choices=1,
            wants_usage=True,
            body=body,
            members=members,
        )

    def onward(self, ask: Ask, model: str) -> Members:
        return {
            **ask.members,
            "model": _encode(model),
            "stream": b"true" if ask.stream else b"false",
            "max_tokens": b"%d" % (ask.max_tokens or MAX_TOKENS),
        }

    def usage_of(self, body: bytes) -> Usage | None:
        try:
            told = _decode_whole(body).usage
        except ValueError:
            return None
        return told.after(Usage()) if told else None

    def reader(self, ask: Ask, cost: Cost) -> "MessagesReader":  # noqa: ARG002 - usage is always told
        return MessagesReader(cost)

    def error(self, fault: Fault, request_id: str = "") -> bytes:
        kind = TYPES.get(fault.status, "api_error")
        return _encode(_Body(_Error(kind, fault.message), request_id=request_id))

    def error_event(self, fault: Fault) -> bytes:
        return event(self.error(fault), "error")


class MessagesReader:
    """Follows a stream of message events."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self.usage: Usage | None = None
        self.finished = False
        self.failed = False

    def feed(self, events: bytes) -> bytes:
        if not _MATTERS.search(events):
            return events
        return b"".join([self._read(each_event) for each_event in each(events)])

    def _read(self, event: bytes) -> bytes:
        if not _MATTERS.search(event):
            return event
        try:
            told = _decode_event(data_of(event))
        except ValueError:
            return event
        match told.type:
            case "message_stop":
                self.finished = True
            case "error":
                self.failed = True
            case "message_start" if told.message and told.message.usage:
                self.usage = told.message.usage.after(Usage())
            case "message_delta" if told.usage:
                self.usage = told.usage.after(self.usage or Usage())
                return with_credits(event, self._cost(self.usage))
            case _:
                pass
        return event


def _later(told: int | None, before: int) -> int:
    return before if told is None else told
