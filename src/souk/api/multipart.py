"""Receiving a form with a file: the file goes to disk as it arrives, so memory stays bounded however large it is."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Receive

from souk.api.body import Disconnected
from souk.dialects.envelope import Rejected
from souk.dialects.uploads import invalid
from souk.net.spool import Spool

FILE: Final = "file"
MOST_PARTS: Final = 20
LONGEST_FIELD: Final = 4096
OVERHEAD_BYTES: Final = 1024 * 1024
"""What a form may have beside its file."""


class FileTooLarge(Exception):
    """The file of the form is larger than allowed."""


@dataclass
class Form:
    """A form that arrived whole."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    filename: str = ""
    media_type: str = ""
    """What the file's part declared."""
    sha256: str = ""
    """Of the file; empty if the form had none."""


async def receive_form(headers: Mapping[bytes, bytes], receive: Receive, place: Path, max_bytes: int) -> Form:
    """Read a ``multipart/form-data`` body whose part ``file`` goes to ``place``.

    Raises Rejected for what is no such form, FileTooLarge, or Disconnected; ``place`` is then empty or partly written,
    and the caller's to remove.
    """
    boundary = _boundary(headers)
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > max_bytes + OVERHEAD_BYTES:
        raise FileTooLarge
    parts = _Parts(boundary)
    received = 0
    async with Spool(place) as spool:
        async for piece in _pieces(receive):
            received += len(piece)
            data = parts.feed(piece)
            if spool.size + len(data) > max_bytes or received > max_bytes + OVERHEAD_BYTES:
                raise FileTooLarge
            await spool.write(data)
    form = parts.whole()
    if parts.has_file:
        form.sha256 = spool.sha256
    return form


async def _pieces(receive: Receive) -> AsyncGenerator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        yield cast(bytes, message.get("body", b""))
        if not message.get("more_body", False):
            return


def _boundary(headers: Mapping[bytes, bytes]) -> bytes:
    kind, options = parse_options_header(headers.get(b"content-type", b"").decode("latin-1"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid(None, "The request must be multipart/form-data with a boundary", "malformed_body")
    return options[b"boundary"]


class _Parts:
    """Takes a body apart as it comes: small fields are kept, bytes of the file handed on."""

    def __init__(self, boundary: bytes) -> None:
        self._form = Form()
        self._count = 0
        self._ended = False
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._text: bytearray | None = None
        """The field that is being read, if it is one that is kept."""
        self._name = ""
        self._in_file = False
        self._data = bytearray()
        self.has_file = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._part_data,
                    "on_part_end": self._part_end,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _malformed(str(error)) from None

    def feed(self, piece: bytes) -> bytes:
        """Read on; what of the piece belongs to the file. Raises Rejected."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed(str(error)) from None
        data, self._data = bytes(self._data), bytearray()
        return data

    def whole(self) -> Form:
        """The form, once its end was seen. Raises Rejected."""
        if not self._ended:
            raise _malformed("it breaks off before its last boundary")
        return self._form

    def _part_begin(self) -> None:
        self._count += 1
        if self._count > MOST_PARTS:
            raise _malformed(f"it has more than {MOST_PARTS} parts")
        self._headers.clear()
        self._in_file, self._text = False, None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        kind, options = parse_options_header(disposition)
        if kind != b"form-data" or b"name" not in options:
            raise _malformed("a part has no Content-Disposition with a name")
        self._name = _text(options[b"name"])
        if b"filename" not in options:
            self._text = bytearray()
        elif self._name == FILE:
            if self.has_file:
                raise invalid(FILE, "The form holds more than one file")
            self.has_file = self._in_file = True
            self._form.filename = _text(options[b"filename"])
            self._form.media_type = _text(self._headers.get(b"content-type", b""))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._data += memoryview(data)[start:end]
        elif self._text is not None:
            if len(self._text) + end - start > LONGEST_FIELD:
                raise _malformed(f"the field {self._name[:50]} has more than {LONGEST_FIELD} bytes")
            self._text += memoryview(data)[start:end]

    def _part_end(self) -> None:
        if self._text is not None:
            self._form.fields[self._name] = _text(bytes(self._text))

    def _end(self) -> None:
        self._ended = True


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _malformed(reason: str) -> Rejected:
    return invalid(None, f"The form cannot be read: {reason}", "malformed_body")
