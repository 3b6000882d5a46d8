"""OpenAI's responses: ``POST /v1/responses``. A stream ends with an event that repeats the whole response."""

import re
from typing import Final

import msgspec

from souk.catalog.chat import Usage
from souk.relay.credits import with_credits
from souk.relay.events import data_of, each, event, tell_failure
from souk.relay.members import Members, count, flag, members_of, require, text
from souk.relay.protocols.openai import error_body
from souk.relay.protocols.protocol import Ask, Cost, Fault

_ENDS: Final = re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|error)"')
_FAILURES: Final = ("response.failed", "error")

_encode = msgspec.json.Encoder().encode


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None

    def usage(self) -> Usage:
        details = self.input_tokens_details
        read = self.input_tokens or 0
        cached = min((details.cached_tokens if details else 0) or 0, read)
        return Usage(input=read - cached, output=self.output_tokens or 0, cached=cached)


class _Response(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str
    response: _Response | None = None


class _ErrorEvent(msgspec.Struct):
    type: str
    code: str | None
    message: str
    param: str | None
    sequence_number: int


_decode_whole = msgspec.json.Decoder(_Response).decode
_decode_event = msgspec.json.Decoder(_Event).decode


class Responses:
    """The protocol of the Codex and Grok models."""

    name = "responses"

    def read(self, body: bytes, path_model: str, default_stream: bool) -> Ask:
        members = members_of(body)
        if "prompt" not in members:  # a stored prompt may stand for the input
            require(members, "input", "a text or a list of messages")
        stream = flag(members, "stream")
        return Ask(
            model=path_model or text(members, "model"),
            stream=default_stream if stream is None else stream,
            max_tokens=count(members, "max_output_tokens"),
            choices=1,
            wants_usage=True,
            body=body,
            members=members,
        )

    def onward(self, ask: Ask, model: str) -> Members:
        return {**ask.members, "model": _encode(model), "stream": b"true" if ask.stream else b"false"}

    def usage_of(self, body: bytes) -> Usage | None:
        try:
            told = _decode_whole(body).usage
        except ValueError:
            return None
        return told.usage() if told else None

    def reader(self, ask: Ask, cost: Cost) -> "ResponsesReader":  # noqa: ARG002 - usage is always told
        return ResponsesReader(cost)

    def error(self, fault: Fault, request_id: str = "") -> bytes:  # noqa: ARG002 - the shape has no place for it
        return error_body(fault)

    def error_event(self, fault: Fault) -> bytes:
        told = _ErrorEvent("error", fault.code or None, fault.message, None, 0)
        return event(_encode(told), "error")


class ResponsesReader:
    """Follows a stream of response events."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self.usage: Usage | None = None
        self.finished = False
        self.failed = False

    def feed(self, events: bytes) -> bytes:
        if tell_failure(events):
            self.failed = True
        if not _ENDS.search(events):
            return events
        return b"".join([self._ended(each_event) for each_event in each(events)])

    def _ended(self, event: bytes) -> bytes:
        if not _ENDS.search(event):
            return event
        try:
            told = _decode_event(data_of(event))
        except ValueError:
            return event
        if told.type in _FAILURES:
            self.failed = True
        elif not told.type.startswith("response."):
            return event
        if told.type != "error":
            self.finished = told.response is not None
        usage = told.response.usage if told.response else None
        if usage is None:
            return event
        self.usage = usage.usage()
        return event if self.failed else with_credits(event, self._cost(self.usage))
