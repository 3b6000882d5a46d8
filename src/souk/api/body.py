"""Reading a request's body without trusting it: bounded, well-formed, not too deep, and storable."""

import re
from typing import Final, cast

import msgspec
from starlette.types import Receive

from souk.dialects.envelope import Rejected
from souk.words import JsonObject

_decode = msgspec.json.Decoder().decode
MOST_VALUES: Final = 100_000
"""Items of lists and objects in a body: a few bytes each to send, far more to hold and check."""

# Ends at the end of the body too: without that, a text left open would be tried from every quote in it.
_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_NOT_STRUCTURE: Final = bytes(byte for byte in range(256) if byte not in b"[]{},")
_AS_SQUARE: Final = bytes.maketrans(b"{}", b"[]")


class Disconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


async def read(receive: Receive, declared: bytes | None, limit: int) -> bytes:
    """The whole body, of at most ``limit`` bytes. ``declared`` is the Content-Length header, if any.

    Raises Rejected (413) as soon as the body is known to be too large.
    """
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = cast(bytes, message.get("body", b""))
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return part if len(parts) == 1 else b"".join(parts)
        message = await receive()
    raise Disconnected


def parse_object(body: bytes, max_depth: int) -> JsonObject:
    """The JSON object a body holds; of a key given twice the last counts. Raises Rejected (400)."""
    structure = _structure(body, max_depth)
    if structure.count(b"[") + structure.count(b",") > MOST_VALUES:
        raise _malformed(f"The request body holds more than {MOST_VALUES} values")
    try:
        value = _decode(body)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError as error:  # msgspec's errors and bad UTF-8 are both ValueErrors
        raise _malformed(f"The request body is not valid JSON: {_reason(error)}") from None
    if not isinstance(value, dict):
        raise _malformed("The request body must be a JSON object")
    if structure and _deeper_than(structure.replace(b",", b""), max_depth):
        raise _too_deep(max_depth)
    if b"\\u0000" in body and _NUL.search(body):
        raise _malformed("The request body holds a NUL character (\\u0000), which cannot be stored")
    return cast(JsonObject, value)


def _structure(body: bytes, max_depth: int) -> bytes:
    """The body's brackets, all of them square, and commas; empty when they are too few to matter."""
    brackets = body.count(b"{") + body.count(b"[")
    if brackets <= max_depth and brackets + body.count(b",") <= MOST_VALUES:
        return b""
    return _STRINGS.sub(b"", body).translate(_AS_SQUARE, _NOT_STRUCTURE)


def _deeper_than(brackets: bytes, max_depth: int) -> bool:
    """Whether these brackets nest deeper, found by folding away the innermost ones once a level."""
    for _ in range(max_depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error).removeprefix("JSON is malformed: ")


def _malformed(text: str) -> Rejected:
    return Rejected(400, text, "malformed_body")


def _too_deep(max_depth: int) -> Rejected:
    return _malformed(f"The request body is nested more than {max_depth} levels deep")


def _too_large(limit: int) -> Rejected:
    text = f"The request body is larger than {limit} bytes; upload files first and send their addresses"
    return Rejected(413, text, "body_too_large", status=413)
