"""Schemas of a task's record, the envelope around every answer, and the refusal that takes its place."""

from souk.api.jobs import STATES
from souk.api.openapi.shapes import flag, listed, number, ref, text, thing, whole
from souk.words import JsonObject

TASK_ID: JsonObject = text(
    "A task's id: 32 characters without meaning.", examples=["01a2030e9df57b818cf918b3fd7c4f5f"]
)
WARNINGS: JsonObject = listed(text(), "What was passed over in the create; absent if nothing was.")

RECORD: JsonObject = thing(
    {
        "taskId": TASK_ID,
        "model": text("The model's id or alias, as the create named it."),
        "state": text("Where the task is in its life.", enum=[*STATES]),
        "param": text(
            "The create call as JSON text: `model`, the callback addresses, `input` as understood."
        ),
        "resultJson": {
            "type": ["string", "null"],
            "description": "JSON text: `resultUrls` for files, `resultObject` for text and data, and what else "
            "the model's result holds. Empty before success.",
        },
        "failCode": {"type": ["string", "null"], "description": "Why it failed, a number as text."},
        "failMsg": {"type": ["string", "null"], "description": "Why it failed, in words."},
        "costTime": {
            "type": ["integer", "null"],
            "description": "Milliseconds from create to end; null before it.",
        },
        "completeTime": {"type": ["integer", "null"], "description": "Milliseconds since 1970; null before."},
        "createTime": whole("Milliseconds since 1970."),
        "updateTime": whole("Milliseconds since 1970."),
        "creditsConsumed": number("What the task cost: 0 before success."),
        "progress": whole("Per cent; Sora 2 models only.", minimum=0, maximum=100),
        "warnings": WARNINGS,
        "error": thing(
            {
                "code": text("The machine's name for the reason, such as `moderation`."),
                "retryable": flag("Whether creating the same task anew may well succeed."),
            },
            "Failed tasks only.",
        ),
    },
    "A task as the compatible wire shows it.",
    optional=("updateTime", "progress", "warnings", "error"),
)

PROBLEM: JsonObject = thing(
    {
        "code": text("The reason.", examples=["invalid_input"]),
        "field": {"type": ["string", "null"], "description": "The field at fault."},
        "retryable": flag("Whether the same call may succeed later without a change."),
        "requestId": text("The id under which the log knows this call."),
        "message": text("What to do about it, where `msg` is a fixed text of the wire."),
        "allowed": {"type": "array", "items": {}, "description": "Values that would do."},
        "retryAfter": number("Seconds to wait; also in the header `Retry-After`."),
        "taskId": text("The task that goes on, where an answer could not wait for it."),
    },
    "The machine's view of a refusal.",
    optional=("message", "allowed", "retryAfter", "taskId"),
)

FAILURE: JsonObject = thing(
    {
        "code": whole("Why the call was refused; never 200.", minimum=400, maximum=599),
        "msg": text("The wire's words for it."),
        "data": {"type": "null"},
        "error": ref("Problem"),
    },
    "A call that was refused and changed nothing. HTTP stays 200 for what an operation refuses.",
)

CALLBACK: JsonObject = thing(
    {
        "code": whole("200, or 501 for a task that failed.", enum=[200, 501]),
        "msg": text("Says so in words."),
        "data": ref("Record"),
    },
    "What a callback address is told.",
)

SCHEMAS: JsonObject = {"Record": RECORD, "Problem": PROBLEM, "Failure": FAILURE, "Callback": CALLBACK}


def envelope(data: JsonObject) -> JsonObject:
    """The schema of an answer that went well."""
    return thing({"code": {"const": 200}, "msg": {"const": "success"}, "data": data})
