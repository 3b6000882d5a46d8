"""Reading an answer's bytes: decompressed in small steps, and ended where the caller's limit is passed."""

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping

from souk.net.http import MaybeSent, TooLarge

CHUNK_BYTES = 64 * 1024
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


async def decoded(
    pieces: AsyncIterable[bytes], headers: Mapping[str, str], max_bytes: int
) -> AsyncIterator[bytes]:
    """A body in pieces, decompressed as its headers tell. Raises TooLarge past ``max_bytes`` decoded bytes.

    In small steps, because a small answer could otherwise unfold in memory at once.
    """
    inflate = _inflate_for(headers)
    total = 0
    async for chunk in pieces:
        for piece in inflate.feed(chunk) if inflate else (chunk,):
            total += len(piece)
            if total > max_bytes:
                raise too_large(max_bytes)
            yield piece
    if inflate and not inflate.whole:
        raise MaybeSent("the compressed answer was cut off")


class _Inflate:
    """Decompresses a stream without ever holding more than a chunk of output."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._stream = zlib.decompressobj(window_bits)
        self._fed = False

    @property
    def whole(self) -> bool:
        return self._stream.eof or not self._fed

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if not self._fed and self._window_bits == zlib.MAX_WBITS and chunk[0] & 0x0F != zlib.DEFLATED:
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)  # some servers send deflate without its header
        self._fed = True
        full = False
        while chunk or full:
            if self._stream.eof:  # gzip allows several members, one after the other
                self._stream = zlib.decompressobj(self._window_bits)
            piece = self._step(chunk)
            if piece:
                yield piece
            chunk = self._stream.unused_data or self._stream.unconsumed_tail
            full = len(piece) == CHUNK_BYTES and not self._stream.eof  # more may wait inside the stream

    def _step(self, chunk: bytes) -> bytes:
        try:
            return self._stream.decompress(chunk, CHUNK_BYTES)
        except zlib.error:
            raise MaybeSent("the compressed answer is damaged") from None


def _inflate_for(headers: Mapping[str, str]) -> _Inflate | None:
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in _WINDOW_BITS:
        raise MaybeSent(f"the answer is compressed in a way that was not asked for ({encoding[:20]})")
    return _Inflate(_WINDOW_BITS[encoding])


def too_large(max_bytes: int) -> TooLarge:
    """What is raised past the caller's limit."""
    return TooLarge(f"the answer is larger than the {max_bytes} bytes allowed here")
