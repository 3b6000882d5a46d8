"""What a request carries, in the form it is sent: bytes as they are, streams in chunks, forms from disk."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Container

import msgspec

from souk.net.http import Body, FilePart, Form

PIECE_BYTES = 256 * 1024
_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})


class Sent(msgspec.Struct, frozen=True):
    """A body and the headers that describe it."""

    body: bytes | AsyncIterable[bytes]
    headers: dict[str, str]


def body_for(
    method: str, body: Body | None, given: Container[str]
) -> contextlib.AbstractAsyncContextManager[Sent]:
    """The body of one exchange. ``given`` are the caller's own headers, in lower case.

    Raises OSError when a form's file cannot be opened.
    """
    if body is None or isinstance(body, bytes):
        told = body is not None or method in _BODY_EXPECTED
        sent = Sent(body or b"", {"Content-Length": str(len(body or b""))} if told else {})
    elif isinstance(body, Form):
        return _opened(body)
    elif "content-length" in given:
        sent = Sent(body, {})
    else:
        sent = Sent(_chunked(body), {"Transfer-Encoding": "chunked"})
    return contextlib.nullcontext(sent)


@contextlib.asynccontextmanager
async def _opened(form: Form) -> AsyncGenerator[Sent]:
    """A form as multipart, its length known before it is sent; some services take no other."""
    boundary = secrets.token_hex(16)
    with contextlib.ExitStack() as opened:
        parts: list[tuple[bytes, int]] = [
            (_head(boundary, f'name="{_quoted(name)}"') + value.encode() + b"\r\n", -1)
            for name, value in form.fields.items()
        ]
        length = 0
        for part in form.files:
            # Not on a thread: a cancelled caller would leave the file open with nobody to close it.
            file = opened.enter_context(part.path.open("rb"))
            parts.append((_file_head(boundary, part), file.fileno()))
            length += os.fstat(file.fileno()).st_size + len(b"\r\n")
        end = f"--{boundary}--\r\n".encode()
        length += sum(len(head) for head, _ in parts) + len(end)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(length),
        }
        yield Sent(_pieces(parts, end), headers)


async def _pieces(parts: list[tuple[bytes, int]], end: bytes) -> AsyncIterator[bytes]:
    """The form's bytes; a file is read by its descriptor, from its start."""
    for head, file in parts:
        yield head
        if file >= 0:
            at = 0
            while piece := await asyncio.to_thread(os.pread, file, PIECE_BYTES, at):
                at += len(piece)
                yield piece
            yield b"\r\n"
    yield end


async def _chunked(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    async for piece in body:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _file_head(boundary: str, part: FilePart) -> bytes:
    names = f'name="{_quoted(part.name)}"; filename="{_quoted(part.filename)}"'
    return _head(boundary, names, f"Content-Type: {part.media_type}\r\n")


def _head(boundary: str, names: str, more: str = "") -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {names}\r\n{more}\r\n".encode()


def _quoted(text: str) -> str:
    """A name as browsers write it in a form."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
