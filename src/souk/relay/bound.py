"""The most a request can cost, from its bytes alone: what it is let in for."""

import re
from typing import Final

from souk.catalog.chat import ChatModel, Usage
from souk.relay.protocols.protocol import Ask
from souk.words import Credits

LEAST_BYTES_PER_TOKEN: Final = 2
"""JSON of any language has more bytes for each token than this, but for rare scripts and noise."""
USUAL_BYTES_PER_TOKEN: Final = 4
LINK_TOKENS: Final = 4_000
"""For each address in a request: it may be a picture. Large ones are read as some 1,500 to 4,000 tokens."""
DATA_BYTES_PER_TOKEN: Final = 8
"""Of a document, a sound or a film in the request itself, in Base64."""
FRAME_TOKENS: Final = 1_000
"""What every request adds: roles, tools' wrapping, the maker's own instructions."""
EVENT_BYTES: Final = 200
"""What a streamed event has around its text."""

_DATA: Final = re.compile(rb"[A-Za-z0-9+/]{4096,}")
_LONG: Final = 16 * 1024
"""Shorter requests hold no file worth looking for."""
_HEAVY: Final = (b"application/pdf", b"video/", b"audio/", b'"input_audio"', b'"file"', b'"input_file"')


def bound_of(model: ChatModel, ask: Ask) -> Credits:
    """The most this request can cost."""
    most = ask.max_tokens or model.max_output
    return model.price.bound(min(most_input(ask.body), model.context), most * ask.choices)


def most_input(body: bytes) -> int:
    """Tokens a request can hold at most. Files in Base64 count by what they are, not by their letters."""
    size, more = len(body), 0
    if size > _LONG:
        runs = [len(run) for run in _DATA.findall(body)]
        heavy = any(word in body for word in _HEAVY)
        size -= sum(runs)
        more = sum(max(LINK_TOKENS, run // DATA_BYTES_PER_TOKEN if heavy else 0) for run in runs)
    return FRAME_TOKENS + size // LEAST_BYTES_PER_TOKEN + more + LINK_TOKENS * body.count(b"://")


def estimate(body: bytes, produced: int, pieces: int) -> Usage:
    """A usage nobody told us: from the request's size and what came back, in so many pieces."""
    wrote = max(pieces, (produced - pieces * EVENT_BYTES) // USUAL_BYTES_PER_TOKEN)
    return Usage(input=len(body) // USUAL_BYTES_PER_TOKEN, output=wrote)
