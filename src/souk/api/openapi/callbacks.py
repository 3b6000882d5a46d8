"""What a create's callback addresses are sent, and how it is signed."""

from souk.api.openapi.shapes import in_header, json_body, ref, text
from souk.words import JsonObject

_HEADERS = [
    in_header("webhook-id", text(), "The message's id: the same on every try of it."),
    in_header("webhook-timestamp", text(), "Seconds since 1970 of this try."),
    in_header(
        "webhook-signature",
        text(),
        "Standard Webhooks: `v1,` and Base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`; one "
        "for each webhook key of the account, separated by spaces.",
    ),
    in_header("X-Webhook-Timestamp", text(), "Seconds since 1970 of this try."),
    in_header(
        "X-Webhook-Signature",
        text(),
        "The compatible signature: Base64 of HMAC-SHA256 over `<taskId>.<X-Webhook-Timestamp>`, keyed with the "
        "bytes of the newest webhook key. It does not cover the body.",
    ),
]


def told(name: str, summary: str, schema: str = "Callback") -> JsonObject:
    """A path item of one callback, whose body is this component."""
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "description": "Sent at least once and in order per task. Anything but HTTP 2xx within 15 seconds is tried "
            "again, for three days.",
            "parameters": _HEADERS,
            "requestBody": json_body(ref(schema)),
            "responses": {"2XX": {"description": "Taken."}},
            "security": [],
        }
    }


TASK_CALLBACKS: JsonObject = {
    "taskEnded": {"{$request.body#/callBackUrl}": told("taskEnded", "The task has ended")},
    "taskProgressed": {
        "{$request.body#/progressCallBackUrl}": told("taskProgressed", "The task makes progress")
    },
}
