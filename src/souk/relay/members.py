"""A JSON object taken apart without touching its values: they go on as the bytes they came in.

A name given twice counts once, by its last value, so nobody upstream can read another model than we priced.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from souk.providers.chat.speech import Members

_T = TypeVar("_T")
SURELY_FILLED: Final = 64
"""Bytes; an empty list with so many spaces in it goes to the model's maker, who will say the same."""
_split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str | None).decode
_flag = msgspec.json.Decoder(bool | None).decode
_count = msgspec.json.Decoder(int | None).decode
_encode = msgspec.json.Encoder().encode


class BadAsk(ValueError):
    """The request cannot be understood. The message is for the client and names the field."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def members_of(body: bytes) -> Members:
    """The members of a request. Raises BadAsk."""
    try:
        return {**_split(body)}
    except RecursionError:
        raise BadAsk("The request body is nested too deeply") from None
    except msgspec.ValidationError:
        raise BadAsk("The request body must be a JSON object") from None
    except ValueError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise BadAsk(f"The request body is not valid JSON: {reason}") from None


def joined(members: Members) -> bytes:
    """The object these members make up."""
    return b"{" + b",".join([_name(name) + value for name, value in members.items()]) + b"}"


@lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    return _encode(name) + b":"


def text(members: Members, name: str) -> str:
    """A member that is a text; empty when it is absent or null. Raises BadAsk."""
    return _value(members, name, _text, "a text") or ""


def flag(members: Members, name: str) -> bool | None:
    """A member that is true or false; None when it is absent or null. Raises BadAsk."""
    return _value(members, name, _flag, "true or false")


def count(members: Members, name: str) -> int | None:
    """A member that is a whole number of 1 or more; None when it is absent or null. Raises BadAsk."""
    value = _value(members, name, _count, "a whole number")
    if value is not None and value < 1:
        raise BadAsk(f"{name} must be 1 or more", name)
    return value


def require(members: Members, name: str, what: str = "a list of at least one item") -> None:
    """Refuse a request without this member, or with nothing in it. Raises BadAsk."""
    value = members.get(name, b"null")
    if len(value) < SURELY_FILLED and _is_empty(bytes(value).strip()):
        raise BadAsk(f"{name} is required: {what}", name)


def _is_empty(value: bytes) -> bool:
    return value in (b"null", b"", b'""') or (value[:1] == b"[" and not value[1:-1].strip())


def _value(members: Members, name: str, decode: Callable[[bytes | msgspec.Raw], _T], what: str) -> _T | None:
    raw = members.get(name)
    if raw is None:
        return None
    try:
        return decode(raw)
    except ValueError:
        raise BadAsk(f"{name} must be {what}", name) from None
