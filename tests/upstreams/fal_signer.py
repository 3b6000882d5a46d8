"""How fal.ai signs its webhooks, with keys of our own."""

import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass
class Signer:
    """Signs with one key, and publishes it beside one that signs nothing."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    asked: int = 0
    """How often the published keys were asked for."""

    def published(self) -> dict[str, Any]:
        """The service's set of keys."""
        self.asked += 1
        keys = (Ed25519PrivateKey.generate(), self.key)
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": _text(key)} for key in keys]}

    def headers(self, body: bytes, request_id: str, at: float | None = None) -> dict[str, str]:
        """The headers of a webhook; ``at`` in seconds, now if absent."""
        lines = [request_id, "github|1", str(int(time.time() if at is None else at))]
        said = "\n".join([*lines, hashlib.sha256(body).hexdigest()]).encode()
        names = ("Request-Id", "User-Id", "Timestamp")
        told = {f"X-Fal-Webhook-{name}": line for name, line in zip(names, lines, strict=True)}
        return told | {"X-Fal-Webhook-Signature": self.key.sign(said).hex()}


def _text(key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
