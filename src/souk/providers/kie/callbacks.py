"""Callbacks of KIE.AI: which task one is about, and whether the service sent it.

Source: the service's page on the verification of webhooks. What is signed is the task's id and the moment, never what
the callback says of the task: whoever has seen one could put other words under its signature, so none is a verdict.
"""

import base64
import hmac
from typing import Any, Final

from souk.providers.answers import as_object
from souk.providers.base import WebhookRequest

WEBHOOK_KEY: Final = "webhook_key"
"""The connection's option: the key that callbacks are signed with, from the service's settings."""
MOMENT: Final = "x-webhook-timestamp"
SIGNATURE: Final = "x-webhook-signature"


def task_in(told: Any) -> str:
    """The task that a callback is about; the APIs spell it in three ways. Empty if it names none."""
    whole = as_object(told)
    record = as_object(whole.get("data"))
    named = record.get("taskId") or record.get("task_id") or whole.get("taskId")
    return named if isinstance(named, str) else ""


def is_signed(request: WebhookRequest, task: str) -> bool:
    """Whether a callback about a task has the service's signature. Without the key for that, any will do."""
    key = request.job.connection.options.get(WEBHOOK_KEY, "")
    said = f"{task}.{request.headers.get(MOMENT, '')}".encode()
    right = base64.b64encode(hmac.digest(key.encode(), said, "sha256"))
    return not key or hmac.compare_digest(right, request.headers.get(SIGNATURE, "").encode())
