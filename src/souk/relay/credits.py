"""``credits_consumed``, where the compatible wire tells what an answer cost: ours written in, the upstream's taken out.

It is taken out whoever sent it: another Souk may stand behind any connection, and two in one object would leave it to
the client's parser which of them counts. Both are done to the bytes as they came: nothing else in an answer moves.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from souk.relay.events import each
from souk.words import Credits, credits_from_number, credits_to_number

_NAME: Final = b'"credits_consumed"'
_HOLDERS: Final = (b'"response"', b'"message"', b'"usage"', b'"usageMetadata"', b'"error"')
"""Members of an answer that are the protocol's own. What is in others is the model's or the user's."""
_MOST_TOLD: Final = 1e9
"""Credits; no answer costs so much."""

# Between two tokens of a JSON text, which an event may spread over several ``data`` lines.
_SPACE: Final = rb"(?:\r?\ndata:|[ \t\r\n])*+"
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_space = re.compile(_SPACE)
_colon = re.compile(_SPACE + b":" + _SPACE)
_comma = re.compile(_SPACE + b"," + _SPACE)
_member = re.compile(
    rb"(?<!\\)" + _NAME + _colon.pattern + rb"(?:(-?[0-9][0-9.eE+-]*+)|true|false|null|" + _STRING + rb")"
)
_to_bracket = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+([{}\[\]])")
# Where the object begins: behind an event's other lines, and inside a list of which it may be one.
_before = re.compile(rb"(?:(?!\s*+[{\[]|data:)[^\n]*+\n)*+(?:data:)?\s*+\[?")
_encode = msgspec.json.Encoder().encode


def with_credits(object: bytes, cost: Credits) -> bytes:
    """The same JSON object, or event of one, with what it cost as its last member."""
    end = object.rfind(b"}")
    if end < 0:
        return object
    comma = b"" if object[:end].rstrip().endswith(b"{") else b","
    told = b"%s%s:%s" % (comma, _NAME, _encode(credits_to_number(cost)))
    return object[:end] + told + object[end:]


def without_credits(object: bytes) -> tuple[bytes, Credits | None]:
    """The same JSON object, or event of one, as if its sender told no credits; and the last it told, if any.

    Only what the protocol itself says is touched: a member of this name in what the model or the user wrote stays.
    """
    if _NAME not in object:
        return object, None
    kept: list[bytes] = []
    done, told = 0, None
    for member in _told(object):
        start, end = _cut(object, *member.span(), done)
        kept.append(object[done:start])
        done = end
        said = _credits(member[1])
        told = told if said is None else said
    kept.append(object[done:])
    return b"".join(kept), told


def events_without_credits(events: bytes) -> tuple[bytes, Credits | None]:
    """Whole server-sent events as if their sender told no credits; and the last it told, if any."""
    if _NAME not in events:
        return events, None
    kept: list[bytes] = []
    told = None
    for event in each(events):
        rest, said = without_credits(event)
        kept.append(rest)
        told = told if said is None else said
    return b"".join(kept), told


def _told(object: bytes) -> Iterator[re.Match[bytes]]:
    """Where the protocol itself tells credits, from front to back."""
    before = _before.match(object)
    at = before.end() if before else 0
    opened: list[bool] = []
    found = object.find(_NAME, at)
    while found >= 0:
        at = _walk(object, at, found, opened)
        member = _member.match(object, found)
        if member and opened and opened[-1]:
            yield member
        found = object.find(_NAME, found + len(_NAME))


def _walk(object: bytes, at: int, end: int, opened: list[bool]) -> int:
    """Go on to the last bracket before ``end``. ``opened``: of each open bracket, whether the protocol speaks in it."""
    while bracket := _to_bracket.match(object, at, end):
        at = bracket.end()
        if bracket[1] == b"{":
            opened.append(not opened or (opened[-1] and _is_held(object, at - 1)))
        elif bracket[1] == b"[":
            opened.append(False)
        elif opened:
            opened.pop()
    return at


def _is_held(object: bytes, brace: int) -> bool:
    """Whether the object that begins here is a member that is the protocol's own."""
    end = object.rfind(b'"', 0, brace) + 1
    return _colon.fullmatch(object, end, brace) is not None and object.endswith(_HOLDERS, 0, end)


def _cut(object: bytes, start: int, end: int, done: int) -> tuple[int, int]:
    """From where to where a member goes, with the comma before it, or after it where it is the first."""
    comma = object.rfind(b",", done, start)
    if comma >= 0 and _space.fullmatch(object, comma + 1, start):
        return comma, end
    after = _comma.match(object, end)
    return start, after.end() if after else end


def _credits(told: bytes | None) -> Credits | None:
    """What was told, where it is a number that makes sense."""
    if told is None:
        return None
    try:
        makes_sense = 0 <= float(told) < _MOST_TOLD
    except ValueError:
        return None
    return credits_from_number(told.decode()) if makes_sense else None
