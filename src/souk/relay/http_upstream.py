"""A model on one of the operator's connections, reached over HTTP."""

from typing import Final

import msgspec

from souk.net.streaming import Streamed, StreamingHttp
from souk.providers.base import Connection
from souk.providers.chat.speech import Speech
from souk.relay.events import MOST_HELD
from souk.relay.members import joined
from souk.relay.protocols.protocol import Ask, ChatProtocol
from souk.relay.upstream import Answer
from souk.words import HOPS_HEADER

EVENT_STREAM: Final = "text/event-stream"
_PASSED_BACK: Final = ("retry-after",)


class _Envelope(msgspec.Struct):
    code: int | None = None
    msg: str | None = None


_decode = msgspec.json.Decoder(_Envelope).decode


class HttpUpstream:
    """One route of one model, in one protocol. What does not change between requests is made once."""

    def __init__(self, connection: Connection, speech: Speech, model: str, http: StreamingHttp) -> None:
        self._speech = speech
        self._model = model
        self._http = http
        self._headers = speech.headers(connection)
        self._urls = [speech.url(connection.base_url, model, stream) for stream in (False, True)]

    async def send(self, protocol: ChatProtocol, ask: Ask, stream: bool) -> Answer:
        """See :meth:`souk.relay.upstream.Upstream.send`."""
        speech = self._speech
        members = protocol.onward(ask, self._model)
        speech.adapt(members)
        if speech.says_stream:
            members["stream"] = b"true" if stream else b"false"
        streamed = await self._http.post(self._urls[stream], self._headers_for(ask), joined(members))
        if stream and streamed.status == 200 and streamed.media_type in (EVENT_STREAM, ""):
            return Answer(200, streamed.pieces(), tells_credits=speech.tells_credits, end=streamed.close)
        return await self._whole(streamed)

    async def _whole(self, streamed: Streamed) -> Answer:
        body = await streamed.whole(MOST_HELD)
        status = streamed.status
        if status == 200 and self._speech.enveloped:
            status = _enveloped(body)
        headers = {name: value for name in _PASSED_BACK if (value := streamed.header(name))}
        return Answer(status, body, headers, self._speech.tells_credits)

    def _headers_for(self, ask: Ask) -> dict[str, str]:
        headers = {**self._headers, HOPS_HEADER: str(ask.hops + 1)}
        for name in self._speech.passes:
            if value := ask.headers.get(name):
                headers[name] = value
        return headers


def _enveloped(body: bytes) -> int:
    """The status an answer means that came as HTTP 200, from a service that also refuses in this way."""
    try:
        told = _decode(body)
    except ValueError:
        return 200
    if told.code in (None, 0, 200) or told.msg is None:
        return 200
    return told.code if 400 <= told.code < 600 else 502
