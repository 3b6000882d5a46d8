"""The fields that every create call has beside the model's own: where to call back, and the caller's own task id."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from souk.operations.types import Reason, Refusal
from souk.words import JsonObject

MISSPELT: Final = {
    **dict.fromkeys(
        ("callbackurl", "callback", "callbackuri", "webhook", "webhookurl", "notifyurl"), "callBackUrl"
    ),
    **dict.fromkeys(("progresscallbackurl", "progresscallback"), "progressCallBackUrl"),
}
"""What people write for the callback fields, without case, dashes and underscores."""
LONGEST_ADDRESS: Final = 2048
CLIENT_TASK_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")


def refuse_misspelt(names: Iterable[str], body: JsonObject) -> None:
    """Refuse what was meant as a callback field: a callback that silently never comes is worse. Raises Refusal."""
    for name in names:
        right = MISSPELT.get(name.lower().replace("_", "").replace("-", ""))
        if right is not None and right not in body:
            raise Refusal(
                Reason.INVALID_INPUT,
                f"{name} is not a field of this call: write {right}",
                field=name,
                allowed=[right],
            )


def address(body: JsonObject, name: str) -> str | None:
    """The http or https address in a field, if there is one. Raises Refusal."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) > LONGEST_ADDRESS:
        message = f"{name} must have at most {LONGEST_ADDRESS} characters (got {len(value)})"
        raise Refusal(Reason.INVALID_INPUT, message, field=name)
    if isinstance(value, str) and _is_http(value):
        return value
    raise Refusal(Reason.INVALID_INPUT, f"{name} must be an http or https address", field=name)


def _is_http(value: str) -> bool:
    if not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def client_task_id(body: JsonObject) -> str | None:
    """The caller's own name for the task, if there is one. Raises Refusal."""
    value = body.get("clientTaskId")
    if value is None or value == "":
        return None
    if isinstance(value, str) and CLIENT_TASK_ID.fullmatch(value):
        return value
    raise Refusal(
        Reason.INVALID_INPUT,
        "clientTaskId must be a text of 1 to 128 printable characters without spaces",
        field="clientTaskId",
    )
