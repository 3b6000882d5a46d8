"""Server-sent events as bytes: kept whole, told apart, and read where they say what was used."""

import re
from typing import Final

from souk.net.http import TooLarge

MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of a whole answer, or of one event of a stream, that are held at once."""
_GAPS: Final = (b"\n\n", b"\r\n\r\n")
_SEAM: Final = len(_GAPS[1]) - 1
"""Bytes of a gap that may have come before the rest of it."""
_FAILURE: Final = re.compile(rb'data:\s*\{\s*"error"\s*:\s*+(?!null)')


class WholeEvents:
    """Cuts a stream where events end. Nearly every piece ends there already and goes straight on.

    A client cannot act on half an event, so holding its beginning back delays nothing.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def push(self, piece: bytes) -> bytes:
        """The whole events there are by now; empty while there are none. Raises TooLarge for an endless one."""
        held = self._held
        if not held and piece.endswith(_GAPS):
            return piece
        seen = max(0, len(held) - _SEAM)
        held += piece
        end = _end_of_events(held, seen)
        if len(held) - end > MOST_HELD:
            raise TooLarge(f"an event is larger than the {MOST_HELD} bytes allowed here")
        whole = bytes(held[:end])
        del held[:end]
        return whole

    def rest(self) -> bytes:
        """What came last, if the stream ended inside an event."""
        return bytes(self._held)


def _end_of_events(held: bytearray, start: int) -> int:
    return max(end + len(gap) if (end := held.rfind(gap, start)) >= 0 else 0 for gap in _GAPS)


def each(events: bytes) -> list[bytes]:
    """The single events, each with the empty line that ends it."""
    parts = [events]
    for gap in _GAPS:
        parts = [event for part in parts for event in _each(part, gap)]
    return parts


def _each(events: bytes, gap: bytes) -> list[bytes]:
    *ended, last = events.split(gap)
    found = [part + gap for part in ended]
    return [*found, last] if last else found


def tell_failure(events: bytes) -> bool:
    """Whether one of them is an error, as the makers send it in place of an answer's next part."""
    return b'"error"' in events and _FAILURE.search(events) is not None


def data_of(event: bytes) -> bytes:
    """What the event says: its ``data`` lines, joined."""
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


def event(data: bytes, name: str = "") -> bytes:
    """An event to send."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"
