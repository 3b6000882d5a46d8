"""Whether a webhook is fal.ai's own: signed by Ed25519 with a key that the service publishes.

Source: the service's page on webhooks. Four lines are signed: the headers that name the request, the user and the
moment (in seconds), and the SHA-256 of the body as it came.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from souk.net.http import Http, NetError, Unreadable
from souk.providers.answers import as_object, objects
from souk.providers.base import Connection
from souk.words import Millis

KEYS_URL: Final = "https://rest.alpha.fal.ai/.well-known/jwks.json"
KEPT_MS: Final = 24 * 3600 * 1000
"""The service asks that its keys are kept no longer."""
NEW_KEYS_MS: Final = 60_000
"""What no known key has signed may be signed by a new one, but the service is asked no oftener than this."""
LEEWAY_SECONDS: Final = 300
ASK_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 256 * 1024
SIGNED: Final = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp")
SIGNATURE: Final = "x-fal-webhook-signature"


class Proof(Enum):
    """What a signature shows."""

    GENUINE = auto()
    FORGED = auto()
    """There is one, and it is nobody's or of other words."""
    NONE = auto()
    """There is none, it is too old, or the keys cannot be had."""


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: tuple[bytes, ...]
    at: Millis


@dataclass(slots=True)
class SigningKeys:
    """The service's keys, by the address they were fetched from."""

    _kept: dict[str, _Kept] = field(default_factory=dict[str, _Kept])

    async def proof(
        self, headers: Mapping[str, str], body: bytes, connection: Connection, now: Millis, http: Http
    ) -> Proof:
        """What the signature of a webhook that came ``now`` is worth. Headers have names in lower case."""
        lines = [headers.get(name, "") for name in SIGNED]
        if not all(lines) or not lines[2].isdecimal() or not headers.get(SIGNATURE):
            return Proof.NONE
        if abs(now // 1000 - int(lines[2])) > LEEWAY_SECONDS:
            return Proof.NONE
        try:
            signature = bytes.fromhex(headers[SIGNATURE])
        except ValueError:
            return Proof.FORGED
        said = "\n".join([*lines, hashlib.sha256(body).hexdigest()]).encode()
        for oldest in (KEPT_MS, NEW_KEYS_MS):
            keys = await self._keys(connection, now, oldest, http)
            if keys is None:
                return Proof.NONE
            if any(_signed(said, signature, key) for key in keys):
                return Proof.GENUINE
        return Proof.FORGED

    async def _keys(
        self, connection: Connection, now: Millis, oldest: int, http: Http
    ) -> tuple[bytes, ...] | None:
        """The keys, known for no longer than ``oldest`` milliseconds; None if they cannot be had."""
        url = connection.options.get("keys_url") or KEYS_URL
        kept = self._kept.get(url)
        if kept is not None and now - kept.at < oldest:
            return kept.keys
        try:
            response = await http.request(
                "GET", url, timeout=ASK_SECONDS, max_bytes=ANSWER_BYTES, trusted=url != KEYS_URL
            )
            listed = objects(as_object(response.json()).get("keys")) if response.status == 200 else []
        except (NetError, Unreadable):
            listed = []
        keys = tuple(key for each in listed if (key := _bytes(str(each.get("x") or ""))))
        if not keys:
            return None
        self._kept[url] = _Kept(keys, now)
        return keys


def _bytes(text: str) -> bytes:
    """What Base64 for addresses spells; nothing if it is none."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _signed(said: bytes, signature: bytes, key: bytes) -> bool:
    # Loaded where it is needed: most installations get no webhooks.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True
