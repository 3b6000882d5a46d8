"""Secrets at rest: what the database must give back (webhook keys) is encrypted under one secret key.

The key comes from ``SOUK_SECRET_KEY``, or from ``secret.key`` in the data folder, made at the first start. While it is
exchanged there are two, the new one and the one before; the database says by a mark which of them it is sealed with.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from souk.durable import sync_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE_NAME = "secret.key"
SHORTEST = 16
"""Characters ``SOUK_SECRET_KEY`` must have."""
SEALED = "v1:"
"""What every encrypted text begins with."""
_NONCE_BYTES = 12
_MARKED = "souk"
_BADGE_BYTES = 4
_BEFORE = "\nbefore "
"""What in the key file separates the new key from the one before."""


class SecretKeyError(Exception):
    """The secret key is missing, too weak, or not the one something was encrypted with."""


class _Key:
    """One secret key, and what can be done with it."""

    def __init__(self, secret_key: str, name: str) -> None:
        if len(secret_key) < SHORTEST:
            raise SecretKeyError(
                f"{name} has {len(secret_key)} characters; use {SHORTEST} or more random ones, "
                "for example from `openssl rand -hex 32`"
            )
        self._key = _derived(secret_key, b"encrypt")
        self._print_key = _derived(secret_key, b"fingerprint")
        self._link_key = _derived(secret_key, b"link")
        self.mark = self.fingerprint(_MARKED)
        self.badge = _derived(secret_key, b"badge")[:_BADGE_BYTES].hex()

    def encrypt(self, text: str, context: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, text.encode(), context.encode())
        return SEALED + base64.b64encode(nonce + sealed).decode()

    def decrypt(self, sealed: str, context: str) -> str | None:
        """The text again; None if it was made with another key, or altered."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(sealed.removeprefix(SEALED), validate=True)
            return self._cipher().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return None

    def fingerprint(self, text: str) -> str:
        return hmac.new(self._print_key, text.encode(), hashlib.sha256).hexdigest()

    def sign(self, text: str) -> str:
        return hmac.new(self._link_key, text.encode(), hashlib.sha256).hexdigest()

    def _cipher(self) -> "AESGCM":
        # Loaded at the first secret: most starts need none, and the library takes memory.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


class SecretBox:
    """Encrypts and decrypts short texts with AES-256-GCM, and signs links.

    ``context`` says what a text is and whose; it is not secret, and the same one opens the text again. A box with the
    key ``before`` as well opens and accepts what either key made, and makes things with the one that is in force: see
    :meth:`follow`.
    """

    def __init__(self, secret_key: str, before: str = "") -> None:
        self._secret_key = secret_key
        newest = _Key(secret_key, "SOUK_SECRET_KEY")
        self._keys = [newest]
        if before and before != secret_key:
            self._keys.append(_Key(before, "SOUK_SECRET_KEY_BEFORE"))
        self._in_force = newest

    @property
    def changing(self) -> bool:
        """Two keys are known."""
        return len(self._keys) > 1

    @property
    def badges(self) -> tuple[str, ...]:
        """By what processes tell each other which keys they know, the newest first: 8 hex digits each.

        They may be seen by whoever looks after the database, or reads its log: derived for this use alone, and short.
        """
        return tuple(key.badge for key in self._keys)

    @property
    def mark(self) -> str:
        """By what a database recognises the key in force."""
        return self._in_force.mark

    def fits(self, mark: str | None) -> bool:
        """Whether a database with this mark is sealed with a key of this box, or with none yet."""
        return mark is None or any(key.mark == mark for key in self._keys)

    def follow(self, mark: str | None) -> bool:
        """Seal and sign from now on with the key that a database's mark names; False if that is none of ours.

        Without a mark the newest one is in force.
        """
        found = [key for key in self._keys if mark in (None, key.mark)]
        if found:
            self._in_force = found[0]
        return bool(found)

    def newest(self) -> "SecretBox":
        """A box that knows the newest key alone."""
        return SecretBox(self._secret_key)

    def encrypt(self, text: str, context: str) -> str:
        """A text that only the key in force and this context open."""
        return self._in_force.encrypt(text, context)

    def decrypt(self, sealed: str, context: str) -> str:
        """The text again. Raises SecretKeyError if it was made with another secret key, or altered."""
        for key in self._keys:
            text = key.decrypt(sealed, context)
            if text is not None:
                return text
        raise SecretKeyError(f"the secret key does not open the {context}")

    def recognises(self, mark: str, text: str) -> bool:
        """Whether :meth:`fingerprint` gave this mark to this text."""
        return any(hmac.compare_digest(key.fingerprint(text), mark) for key in self._keys)

    def fingerprint(self, text: str) -> str:
        """A mark by which a text is recognised under the key in force, and by nobody else."""
        return self._in_force.fingerprint(text)

    def sign(self, text: str) -> str:
        """The mark of a link: 64 hex digits that nobody without this secret key can make."""
        return self._in_force.sign(text)

    def signed(self, text: str) -> list[str]:
        """The marks that a link with this text may have."""
        return [key.sign(text) for key in self._keys]


def open_box(secret_key: str, data_dir: Path, before: str = "") -> SecretBox:
    """The box under ``SOUK_SECRET_KEY`` or, if that is empty, the key file, which is made when absent.

    ``before`` is the key that this one takes the place of; the file may hold that as well.
    """
    if secret_key:
        return SecretBox(secret_key, before)
    newest, also = parted(_key_file(data_dir / FILE_NAME))
    return SecretBox(newest, before or also)


def parted(text: str) -> tuple[str, str]:
    """What a key file holds: its key, and the one before or nothing."""
    newest, _, before = text.strip().partition(_BEFORE)
    return newest.strip(), before.strip()


def joined(newest: str, before: str = "") -> str:
    """What a key file is to hold."""
    return f"{newest}{_BEFORE}{before}\n" if before else f"{newest}\n"


def new_secret_key() -> str:
    """A secret key that nobody guesses."""
    return secrets.token_hex(32)


def rewrite_key_file(path: Path, text: str) -> None:
    """Put another text into the key file for good. Whoever reads it meanwhile gets the old one or the new one."""
    draft = _draft(path, text)
    try:
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


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
    draft = _draft(path, joined(new_secret_key()))
    try:
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
        sync_folder(path.parent)
    finally:
        draft.unlink()


def _draft(path: Path, text: str) -> Path:
    """A file beside this one, for its owner alone, with its bytes on the disk."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
