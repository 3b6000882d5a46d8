"""How a callback proves where it comes from: two signatures side by side, made anew for every try.

``X-Webhook-Signature`` is the compatible one: Base64 of HMAC-SHA256 over ``<taskId>.<seconds>``, keyed with
the bytes of the webhook key as the operator sees it. It does not cover the body. The Standard Webhooks
headers (https://www.standardwebhooks.com) do: HMAC-SHA256 over ``<id>.<seconds>.<body>``. A key written
``whsec_`` and Base64 stands there for its decoded bytes, as that specification says; any other key stands for
its own bytes.

While an account changes keys it has two. The compatible header has room for one signature and carries the
newest key's; Standard Webhooks carries one of each.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from souk.accounts.webhook_keys import PREFIX
from souk.words import Millis


class UnusableKey(ValueError):
    """A webhook key that nothing can be signed with. The message does not repeat it."""


def signed_headers(
    keys: Sequence[str], *, task_id: str, message_id: str, now: Millis, body: bytes
) -> dict[str, str]:
    """The headers that identify and sign one try. ``keys`` newest first; without any, nothing is signed.

    ``task_id`` is the id that the body carries, ``body`` the exact bytes that are sent.
    """
    seconds = str(now // 1000)
    headers = {"webhook-id": message_id, "webhook-timestamp": seconds}
    if keys:
        headers["X-Webhook-Timestamp"] = seconds
        headers["X-Webhook-Signature"] = compatible_signature(keys[0], task_id, seconds)
        headers["webhook-signature"] = " ".join(
            standard_signature(key, message_id, seconds, body) for key in keys
        )
    return headers


def compatible_signature(key: str, task_id: str, seconds: str) -> str:
    """The value of ``X-Webhook-Signature``."""
    if not key.strip():
        raise UnusableKey("the webhook key is empty")
    return _hmac(key.encode(), f"{task_id}.{seconds}".encode())


def standard_signature(key: str, message_id: str, seconds: str, body: bytes) -> str:
    """One entry of ``webhook-signature``."""
    return "v1," + _hmac(_decoded(key), f"{message_id}.{seconds}.".encode() + body)


def _decoded(key: str) -> bytes:
    """The bytes that Standard Webhooks signs with."""
    if not key.strip():
        raise UnusableKey("the webhook key is empty")
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        decoded = base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKey(f"what follows {PREFIX} in the webhook key is not Base64") from None
    if not decoded:
        raise UnusableKey("the webhook key is empty")
    return decoded


def _hmac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, "sha256")).decode()
