"""The operations of the Jobs API in words."""

from dataclasses import replace

from souk.api.asked import LONGEST_WAIT
from souk.api.jobs import CALLS, FIRST_CALLS, MOST_LISTED, STATES
from souk.api.openapi.callbacks import TASK_CALLBACKS
from souk.api.openapi.operation import Operation
from souk.api.openapi.records import TASK_ID, WARNINGS
from souk.api.openapi.shapes import (
    flag,
    in_header,
    in_path,
    in_query,
    json_body,
    listed,
    number,
    ref,
    text,
    thing,
    whole,
)
from souk.operations.types import Reason
from souk.words import JsonObject

TAG = "Tasks"
EXAMPLE_ID = "01a2030e9df57b818cf918b3fd7c4f5f"

DRAFT_REFUSALS = (
    Reason.UNKNOWN_MODEL,
    Reason.INVALID_INPUT,
    Reason.UNKNOWN_PARENT,
    Reason.BLOCKED_ADDRESS,
    Reason.MODEL_PAUSED,
    Reason.NO_ROUTE,
    Reason.LOOP,
)
CREATE_REFUSALS = (
    *DRAFT_REFUSALS,
    Reason.INSUFFICIENT_CREDITS,
    Reason.KEY_CAP,
    Reason.RATE_LIMITED,
    Reason.QUEUE_FULL,
    Reason.BUSY,
    Reason.IDEMPOTENCY_CONFLICT,
)

IDEMPOTENCY = in_header(
    "Idempotency-Key",
    text(pattern="^[ -~]{1,255}$"),
    "Makes the create repeatable: equal calls with the same key give one task.",
)
_CREATED = thing({"taskId": TASK_ID, "recordId": TASK_ID, "warnings": WARNINGS}, optional=("warnings",))
_NAMED = thing({"taskId": TASK_ID})
WAIT = in_query(
    "wait",
    number(minimum=0),
    "Hold the answer until the task has ended, for at most so many seconds. "
    f"More than {LONGEST_WAIT:g} counts as {LONGEST_WAIT:g}.",
)

_EVENT = thing(
    {
        "event": {"const": "record"},
        "data": text("The record as JSON.", contentMediaType="application/json", contentSchema=ref("Record")),
    }
)


def _of_task(schema: JsonObject, example: JsonObject) -> JsonObject:
    return json_body(schema, examples={"task": {"value": example}})


_CREATE = Operation(
    "POST",
    "/api/v1/jobs/createTask",
    "createTask",
    TAG,
    "Create a task",
    "Code 200 means that the task exists and its credits are held, whatever happens next. "
    "`input` depends on the model: there is a schema for each.",
    parameters=(IDEMPOTENCY,),
    body=json_body(ref("CreateTask")),
    data=_CREATED,
    example={"taskId": EXAMPLE_ID, "recordId": EXAMPLE_ID},
    refusals=CREATE_REFUSALS,
    callbacks=TASK_CALLBACKS,
)
_RECORD = Operation(
    "GET",
    "/api/v1/jobs/recordInfo",
    "recordInfo",
    TAG,
    "Get a task's state and result",
    "Poll this, or let `wait` hold the answer back.",
    parameters=(in_query("taskId", text(), "The task's id.", required=True), WAIT),
    data=ref("Record"),
    refusals=(Reason.UNKNOWN_TASK, Reason.INVALID_INPUT),
)


def _first(operation: Operation) -> Operation:
    """The same call where the market had it at first."""
    return replace(
        operation,
        path=operation.path.replace(CALLS, FIRST_CALLS),
        name=f"{operation.name}Playground",
        description=f"`{operation.name}` at its first path, for older clients.",
        deprecated=True,
    )


OPERATIONS = (
    _CREATE,
    _RECORD,
    _first(_CREATE),
    _first(_RECORD),
    Operation(
        "POST",
        "/api/v1/jobs/estimate",
        "estimateTask",
        TAG,
        "Ask what a create would hold",
        "Takes the body of a create and creates nothing.",
        body=json_body(ref("CreateTask")),
        data=thing(
            {
                "model": text("The model's id."),
                "credits": number("The most that the task can cost."),
                "estimated": flag("Whether the model's price is a guess."),
                "mode": text("Where it would run.", enum=["live", "sandbox"]),
                "warnings": WARNINGS,
            },
            optional=("warnings",),
        ),
        example={"model": "nano-banana-pro", "credits": 24, "estimated": False, "mode": "sandbox"},
        refusals=DRAFT_REFUSALS,
    ),
    Operation(
        "GET",
        "/api/v1/jobs/list",
        "listTasks",
        TAG,
        "List the account's tasks, newest first",
        "Give `next` as `before` to get the page after. With `state` or `model`, a page is what fits among the next "
        "2,000 tasks: it may be short, or empty, and `next` still lead to more.",
        parameters=(
            in_query("limit", whole(minimum=1, maximum=MOST_LISTED, default=20), "How many at most."),
            in_query("before", text(), "The id of a task: only older ones."),
            in_query("state", text(enum=[*STATES]), "Only tasks in this state."),
            in_query("model", text(), "Only tasks of this model."),
        ),
        data=thing(
            {
                "tasks": listed(ref("Record")),
                "next": {"type": ["string", "null"], "description": "Null when there is no page after."},
            }
        ),
        refusals=(Reason.INVALID_INPUT,),
    ),
    Operation(
        "GET",
        "/api/v1/jobs/{task_id}/events",
        "taskEvents",
        TAG,
        "Follow a task as it happens",
        "Server-sent events: `event: record` with the record as `data`, at once and after every change, until "
        "the task has ended and the stream with it.",
        parameters=(in_path("task_id", text(), "The task's id.", EXAMPLE_ID),),
        answers={
            "200": {
                "description": "The stream, or a refusal.",
                "content": {
                    "text/event-stream": {"schema": _EVENT},
                    "application/json": {"schema": ref("Failure")},
                },
            }
        },
        refusals=(Reason.UNKNOWN_TASK,),
    ),
    Operation(
        "POST",
        "/api/v1/jobs/cancelTask",
        "cancelTask",
        TAG,
        "Ask that a task stops",
        "`cancelled`: it has failed and costs nothing. `requested`: follow the record. `too_late`: it has ended, "
        "or an upstream has it and does not confirm a cancel.",
        body=_of_task(_NAMED, {"taskId": EXAMPLE_ID}),
        data=thing(
            {
                "taskId": TASK_ID,
                "cancel": text("What came of it.", enum=["cancelled", "requested", "too_late"]),
            }
        ),
        example={"taskId": EXAMPLE_ID, "cancel": "cancelled"},
        refusals=(Reason.UNKNOWN_TASK, Reason.INVALID_INPUT),
    ),
    Operation(
        "POST",
        "/api/v1/jobs/keepTask",
        "keepTask",
        TAG,
        "Hold a task back from retention",
        "A kept task and its files stay past their time, until `keep` is false.",
        body=_of_task(
            thing({"taskId": TASK_ID, "keep": flag(default=True)}, optional=("keep",)),
            {"taskId": EXAMPLE_ID, "keep": True},
        ),
        data=thing({"taskId": TASK_ID, "keep": flag()}),
        example={"taskId": EXAMPLE_ID, "keep": True},
        refusals=(Reason.UNKNOWN_TASK, Reason.INVALID_INPUT),
    ),
    Operation(
        "POST",
        "/api/v1/jobs/deleteTask",
        "deleteTask",
        TAG,
        "Remove a finished task and its files",
        "At once; the ledger keeps what it cost.",
        body=_of_task(_NAMED, {"taskId": EXAMPLE_ID}),
        data=thing({"taskId": TASK_ID, "deleted": {"const": True}}),
        example={"taskId": EXAMPLE_ID, "deleted": True},
        refusals=(Reason.UNKNOWN_TASK, Reason.INVALID_INPUT, Reason.CONFLICT),
    ),
)
