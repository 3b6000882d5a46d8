"""Server-sent events as bytes: kept whole, told apart, and read where they say what was used."""

from typing import Final

MOST_HELD: Final = 8 * 1024 * 1024
"""Bytes of one unfinished event that are held back; a longer one goes on in pieces, unread."""


class WholeEvents:
    """Cuts a stream where events end. Nearly every piece ends there already and goes straight on.

    A client cannot act on half an event, so holding its beginning back delays nothing.
    """

    def __init__(self) -> None:
        self._held = b""

    def push(self, piece: bytes) -> bytes:
        """The whole events there are by now; empty while there are none."""
        if self._held:
            piece = self._held + piece
            self._held = b""
        elif piece.endswith((b"\n\n", b"\r\n\r\n")):
            return piece
        end = _end_of_events(piece)
        if len(piece) - end > MOST_HELD:
            return piece
        self._held = piece[end:]
        return piece[:end]

    def rest(self) -> bytes:
        """What came last, if the stream ended inside an event."""
        return self._held


def _end_of_events(piece: bytes) -> int:
    plain, dressed = piece.rfind(b"\n\n"), piece.rfind(b"\r\n\r\n")
    return max(plain + 2 if plain >= 0 else 0, dressed + 4 if dressed >= 0 else 0)


def each(events: bytes) -> list[bytes]:
    """The single events, each with the empty line that ends it."""
    gap = b"\r\n\r\n" if b"\r\n\r\n" in events else b"\n\n"
    parts = events.split(gap)
    last = parts.pop()
    found = [part + gap for part in parts]
    return [*found, last] if last else found


def data_of(event: bytes) -> bytes:
    """What the event says: its ``data`` lines, joined."""
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


def event(data: bytes, name: str = "") -> bytes:
    """An event to send."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"
