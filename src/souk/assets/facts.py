"""What a stored file is, read once: its size, its hash, its type by its bytes, and what its headers measure."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from souk.assets.measure import Measured, measured
from souk.assets.sniff import HEAD_BYTES, sniff


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a file's bytes."""

    size: int
    sha256: str
    sniffed: str | None
    """The media type, as far as the bytes tell."""
    measured: Measured


def facts_of(path: Path, *, declared: str = "", sha256: str = "") -> Facts:
    """Read a file; blocks. ``declared`` is what to measure it as where its bytes do not tell; a known hash is kept."""
    with path.open("rb") as file:
        return _facts(file, declared, sha256)


def facts_in(data: bytes, *, declared: str = "", sha256: str = "") -> Facts:
    """As :func:`facts_of`, of bytes in hand."""
    return _facts(io.BytesIO(data), declared, sha256)


def _facts(file: io.BufferedReader | io.BytesIO, declared: str, sha256: str) -> Facts:
    sniffed = sniff(file.read(HEAD_BYTES))
    if not sha256:
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = file.seek(0, 2)
    file.seek(0)
    return Facts(size, sha256, sniffed, measured(file, sniffed or declared))
