"""Sending answers: headers encoded once, the request's id on every one, and open to browsers."""

import re
from collections.abc import Mapping
from random import getrandbits
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Send

JSON: Final = "application/json;charset=UTF-8"

_JSON_HEADER: Final = (b"content-type", JSON.encode())
_REQUEST_ID: Final = re.compile(rb"[\w.:-]{1,64}")

OPEN_TO_BROWSERS: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"X-Request-Id, Retry-After"),
)
PREFLIGHT: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Content-Type, Authorization, Idempotency-Key, Range, X-Request-Id"),
    (b"access-control-max-age", b"86400"),
)
_ALLOWED: Final = b"access-control-allow-headers"
_HEADER_NAMES: Final = re.compile(rb"[\w ,-]{1,2048}")
Headers = tuple[tuple[bytes, bytes], ...]


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """The id a client gave its request, if it is a sane one, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return f"{getrandbits(64):016x}"  # tells requests apart and guards nothing


async def send_json(send: Send, status: int, body: bytes, request_id: str, extra: Headers = ()) -> None:
    """Send a whole JSON answer."""
    headers = [
        _JSON_HEADER,
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        *OPEN_TO_BROWSERS,
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_preflight(send: Send, request_id: str, asked: bytes | None = None) -> None:
    """Tell a browser that any page may call this API; the key is the credential, never a cookie.

    ``asked`` is what it wants to send. The makers' chat clients have many headers of their own, and no list lasts.
    """
    headers = [(b"content-length", b"0"), (b"x-request-id", request_id.encode()), *PREFLIGHT]
    if asked is not None and _HEADER_NAMES.fullmatch(asked):
        headers = [pair for pair in headers if pair[0] != _ALLOWED]
        headers += [(_ALLOWED, asked), (b"vary", b"Access-Control-Request-Headers")]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def json_answer(body: bytes, status: int = 200) -> Response:
    """An answer of an ordinary route."""
    return Response(body, status, media_type=JSON)


class Signed:
    """A ``send`` that puts the request's id on the answer and remembers whether it has begun."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = (b"x-request-id", request_id.encode())
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = [*message.get("headers", ()), self._request_id]
            given = {name.lower() for name, _ in headers}
            message["headers"] = headers + [pair for pair in OPEN_TO_BROWSERS if pair[0] not in given]
        await self._send(message)
