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
import hmac
from collections.abc import Sequence

from souk.accounts.webhook_keys import signing_bytes
from souk.words import Millis


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
    """The value of ``X-Webhook-Signature``. Raises BadWebhookKey."""
    signing_bytes(key)  # a key that fits only one of the two signatures is a mistake
    return _hmac(key.encode(), f"{task_id}.{seconds}".encode())


def standard_signature(key: str, message_id: str, seconds: str, body: bytes) -> str:
    """One entry of ``webhook-signature``. Raises BadWebhookKey."""
    return "v1," + _hmac(signing_bytes(key), f"{message_id}.{seconds}.".encode() + body)


def _hmac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, "sha256")).decode()
