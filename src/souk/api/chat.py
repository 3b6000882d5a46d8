"""Chat over HTTP: the makers' own paths, as bare handlers that write an answer while it comes.

Keys come as each maker's clients send them: a bearer token, ``x-api-key``, ``x-goog-api-key`` or ``?key=``. What goes
wrong is told in the maker's shape with a real HTTP status.
"""

import logging
from typing import Final
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from souk.api.answers import JSON, OPEN_TO_BROWSERS
from souk.api.body import Disconnected, read
from souk.api.credential import LONGEST_TOKEN, bearer, bearer_token
from souk.api.departure import WhileThere
from souk.api.site import HeaderMap, Site
from souk.dialects.envelope import Rejected
from souk.operations.types import Refusal
from souk.relay.faults import fault_of
from souk.relay.protocols import CHAT, GEMINI, MESSAGES, RESPONSES
from souk.relay.protocols.protocol import ChatProtocol, Fault
from souk.relay.relay import Relay

log = logging.getLogger("souk.api")

Place = tuple[ChatProtocol, str, bool | None]
"""What a path asks for: protocol, model (empty: the body names it), and whether to stream unless told."""

PLACES: Final[dict[str, Place]] = {
    "/v1/chat/completions": (CHAT, "", False),
    "/api/v1/chat/completions": (CHAT, "", False),
    "/claude/v1/messages": (MESSAGES, "", True),
    "/v1/messages": (MESSAGES, "", False),
    "/api/v1/responses": (RESPONSES, "", False),
    "/codex/v1/responses": (RESPONSES, "", False),
    "/grok/v1/responses": (RESPONSES, "", True),
    "/v1/responses": (RESPONSES, "", False),
}
MODEL_PATH: Final = "/v1/chat/completions"
"""What follows the model in a path of its own."""
GEMINI_PATHS: Final = ("/gemini/v1/models/", "/v1beta/models/", "/v1/models/")
"""What comes before the model in Gemini's paths."""
GEMINI_CALLS: Final = {"generateContent": False, "streamGenerateContent": True}
TEMPLATES: Final = (
    *PLACES,
    "/{model}/v1/chat/completions",
    *(f"{path}{{model}}:{call}" for path in GEMINI_PATHS for call in GEMINI_CALLS),
)
"""Every path, for the route table and the documents."""

PASSED_ON: Final = frozenset({b"anthropic-beta"})
"""Headers of a client that may go to an upstream."""
_SDK: Final = b"x-stainless-lang"
"""Sent by the makers' own clients, which leave ``stream`` out when they want a whole answer."""
_EVENTS: Final = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_BUFFER: Final = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
_JSON: Final = (b"content-type", JSON.encode())


def place_of(path: str) -> Place | None:
    """What a path asks for; None if it is none of chat's."""
    place = PLACES.get(path)
    if place is not None:
        return place
    if path.endswith(MODEL_PATH):
        return CHAT, path[1 : -len(MODEL_PATH)], None
    for before in GEMINI_PATHS:
        if path.startswith(before):
            model, _, call = path[len(before) :].rpartition(":")
            stream = GEMINI_CALLS.get(call)
            return None if stream is None else (GEMINI, model, stream)
    return None


def key_of(headers: HeaderMap, query: bytes) -> str:
    """The API key of a request, wherever the maker's client puts it; empty when there is none."""
    given = headers.get(b"x-api-key") or headers.get(b"x-goog-api-key")
    if given is None and b"key=" in query and b"authorization" not in headers:
        given = parse_qs(query).get(b"key", [b""])[0]
    if given is None:
        return bearer(headers)
    return bearer_token(given) or (given.strip().decode("latin-1") if len(given) <= LONGEST_TOKEN else "")


class ChatRoutes:
    """Handler of every chat path."""

    def __init__(self, site: Site, relay: Relay) -> None:
        self._site = site
        self._relay = relay

    async def answer(
        self, place: Place, scope: Scope, headers: HeaderMap, receive: Receive, send: Send, request_id: str
    ) -> None:
        """Answer one request, or tell in its protocol why not."""
        protocol, model, stream = place
        client = AsgiClient(send, request_id)
        try:
            caller = await self._site.caller_with(key_of(headers, scope["query_string"]), scope, headers)
            body = await read(receive, headers.get(b"content-length"), self._site.max_body)
            async with WhileThere(receive):
                await self._relay.answer(
                    caller,
                    protocol,
                    model,
                    body,
                    client,
                    default_stream=stream if _SDK not in headers or protocol is GEMINI else False,
                    headers=_passed_on(headers) if headers.keys() & PASSED_ON else {},
                )
        except Disconnected:
            return
        except Exception as error:  # the last place that can still turn it into an answer
            if client.begun:
                raise
            await _refuse(protocol, error, client, request_id)


def _passed_on(headers: HeaderMap) -> dict[str, str]:
    return {name.decode(): headers[name].decode("latin-1") for name in PASSED_ON if name in headers}


async def _refuse(protocol: ChatProtocol, error: Exception, client: "AsgiClient", request_id: str) -> None:
    if isinstance(error, Rejected):
        status = error.status if error.status >= 400 else error.code
        fault, wait = Fault(status, error.text, code=error.error), ""
    else:
        fault, wait = fault_of(error)
        if not isinstance(error, Refusal):
            log.error("chat failed", exc_info=error, extra={"request_id": request_id})
    await client.whole(fault.status, protocol.error(fault, request_id), wait)


class AsgiClient:
    """Writes an answer to the server."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._id = request_id.encode()
        self.begun = False

    async def whole(self, status: int, body: bytes, retry_after: str = "") -> None:
        """A whole answer."""
        headers = [_JSON, (b"content-length", b"%d" % len(body)), *self._ids()]
        if retry_after:
            headers.append((b"retry-after", retry_after.encode("latin-1")))
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self) -> None:
        """The head of a stream, sent at once."""
        await self._start(200, [_EVENTS, *_NO_BUFFER, *self._ids()])

    async def write(self, events: bytes) -> None:
        """More of the stream."""
        await self._send({"type": "http.response.body", "body": events, "more_body": True})

    async def end(self) -> None:
        """The end of the stream."""
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _ids(self) -> tuple[tuple[bytes, bytes], ...]:
        # Anthropic's clients look for their own name of it.
        return (b"x-request-id", self._id), (b"request-id", self._id), *OPEN_TO_BROWSERS
