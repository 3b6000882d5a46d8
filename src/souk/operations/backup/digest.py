"""A mark of all rows of a table that is the same in every database, in whatever order that gives them.

Databases sort texts by rules of their own. So each row is hashed by itself, and the hashes are added up.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from souk.store.statement import rows_json

_encode = msgspec.json.Encoder().encode
_MODULUS = 1 << 256


class Digest:
    """Rows seen so far."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: dict[str, Any]) -> bytes:
        """Count a row in; its text, one line."""
        line = _encode(row)
        # A set of rows loses its NUL characters on the way into a database.
        kept = line if b"\\u0000" not in line else rows_json([row])[1:-1].encode()
        self._sum += int.from_bytes(hashlib.sha256(kept).digest())
        self.rows += 1
        return line + b"\n"

    def add_all(self, pages: Iterable[list[dict[str, Any]]]) -> "Digest":
        for page in pages:
            for row in page:
                self.add(row)
        return self

    def __str__(self) -> str:
        return f"{self._sum % _MODULUS:064x}"
