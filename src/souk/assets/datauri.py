"""Input files written out in the request: ``data:image/png;base64,…`` (RFC 2397)."""

import base64
import binascii
from urllib.parse import unquote_to_bytes


class BadDataUri(ValueError):
    """This is no readable ``data:`` URI."""


def decode_data_uri(uri: str) -> bytes:
    """The bytes. The type it declares is passed over: files are known by their bytes. Raises BadDataUri."""
    head, comma, body = uri.partition(",")
    if not comma:
        raise BadDataUri("a data: URI has a comma before its data")
    if not head.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(body)
    # Percent-encoding, line breaks, the URL alphabet and missing padding are all seen from real clients.
    text = b"".join(unquote_to_bytes(body).split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise BadDataUri("the data: URI is not valid base64") from None
