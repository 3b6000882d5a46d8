"""Secrets at rest: what the database must give back (webhook keys) is encrypted under one secret key.

The key comes from ``SOUK_SECRET_KEY``, or from ``secret.key`` in the data folder, made at the first start.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE_NAME = "secret.key"
SHORTEST = 16
"""Characters ``SOUK_SECRET_KEY`` must have."""
_VERSION = "v1:"
_NONCE_BYTES = 12


class SecretKeyError(Exception):
    """The secret key is missing, too weak, or not the one something was encrypted with."""


class SecretBox:
    """Encrypts and decrypts short texts with AES-256-GCM.

    ``context`` says what a text is and whose; it is not secret, and the same one opens the text again.
    """

    def __init__(self, secret_key: str) -> None:
        if len(secret_key) < SHORTEST:
            raise SecretKeyError(
                f"SOUK_SECRET_KEY has {len(secret_key)} characters; use {SHORTEST} or more random ones, "
                "for example from `openssl rand -hex 32`"
            )
        self._key = _derived(secret_key, b"encrypt")
        self._print_key = _derived(secret_key, b"fingerprint")
        self._link_key = _derived(secret_key, b"link")

    def encrypt(self, text: str, context: str) -> str:
        """A text that only this secret key and context open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, text.encode(), context.encode())
        return _VERSION + base64.b64encode(nonce + sealed).decode()

    def decrypt(self, sealed: str, context: str) -> str:
        """The text again. Raises SecretKeyError if it was made with another secret key, or altered."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
            return self._cipher().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise SecretKeyError(f"the secret key does not open the {context}") from None

    def fingerprint(self, text: str) -> str:
        """A mark by which a text is recognised under this secret key, and by nobody else."""
        return hmac.new(self._print_key, text.encode(), hashlib.sha256).hexdigest()

    def sign(self, text: str) -> str:
        """The mark of a link: 64 hex digits that nobody without this secret key can make."""
        return hmac.new(self._link_key, text.encode(), hashlib.sha256).hexdigest()

    def _cipher(self) -> "AESGCM":
        # Loaded at the first secret: most starts need none, and the library takes memory.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


def open_box(secret_key: str, data_dir: Path) -> SecretBox:
    """The box under ``SOUK_SECRET_KEY`` or, if that is empty, the key file, which is made when absent."""
    return SecretBox(secret_key or _key_file(data_dir / FILE_NAME))


def _derived(secret_key: str, purpose: bytes) -> bytes:
    """One 256-bit key per purpose (HKDF, RFC 5869, with one block of output)."""
    extracted = hmac.new(b"souk secret key", secret_key.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, purpose + b"\x01", hashlib.sha256).digest()


def _key_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_key_file(path)
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SecretKeyError(f"cannot read the secret key {path}: {error.strerror}") from error


def _make_key_file(path: Path) -> None:
    """Write a new key where several processes may start at once: the first to link its file wins."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
        _sync_folder(path.parent)
    finally:
        draft.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
