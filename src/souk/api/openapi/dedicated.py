"""The dedicated image and video APIs in words: one create and one record for each family, and what some have beside."""

from typing import Any

from souk.api.openapi.callbacks import told
from souk.api.openapi.jobs import CREATE_REFUSALS, EXAMPLE_ID, IDEMPOTENCY, WAIT
from souk.api.openapi.models import COMMON, component
from souk.api.openapi.operation import Operation
from souk.api.openapi.records import TASK_ID, WARNINGS, envelope
from souk.api.openapi.shapes import JSON as JSON_TYPE
from souk.api.openapi.shapes import answer, in_query, json_body, listed, ref, text, thing, whole
from souk.dialects import aleph, flux_kontext, gpt4o_image, runway, veo
from souk.dialects.dedicated import Create, Dedicated
from souk.operations.types import Reason
from souk.words import JsonObject

TAG = "Dedicated APIs"

OWN = {name: COMMON[name] for name in ("callBackUrl", "clientTaskId")}
ERROR: JsonObject = {"type": "object", "description": "Failed tasks only: the reason for machines."}
FLAG = whole("0 unfinished, 1 done, 2 or 3 failed.", enum=[0, 1, 2, 3])
MAYBE_TEXT: JsonObject = {"type": ["string", "null"]}
MAYBE_CODE: JsonObject = {"type": ["integer", "null"], "description": "Why it failed."}
MAYBE_OBJECT: JsonObject = {"type": ["object", "null"], "description": "What was made."}
MAYBE_MOMENT: JsonObject = {"type": ["integer", "null"], "description": "Milliseconds since 1970."}
PARAM = text("The create call as JSON text.")


def record_schema(properties: JsonObject, *optional: str) -> JsonObject:
    """``data`` of a family's record: these properties beside what any has."""
    whole_record = {"taskId": TASK_ID, **properties, "warnings": WARNINGS, "error": ERROR}
    return thing(whole_record, "A task as this API shows it.", optional=("warnings", "error", *optional))


RECORDS: dict[str, JsonObject] = {
    "Gpt4oImageRecord": record_schema(
        {
            "paramJson": PARAM,
            "completeTime": MAYBE_MOMENT,
            "response": MAYBE_OBJECT,
            "successFlag": FLAG,
            "status": text(enum=list(gpt4o_image.STATUS.values())),
            "errorCode": MAYBE_CODE,
            "errorMessage": MAYBE_TEXT,
            "createTime": whole("Milliseconds since 1970."),
            "progress": text("From `0.00` to `1.00`."),
        }
    ),
    "FluxKontextRecord": record_schema(
        {
            "paramJson": PARAM,
            "completeTime": {**MAYBE_TEXT, "description": "UTC, such as `2026-02-26T10:00:00Z`."},
            "response": MAYBE_OBJECT,
            "successFlag": FLAG,
            "errorCode": MAYBE_CODE,
            "errorMessage": text(),
            "createTime": text("UTC, such as `2026-02-26T10:00:00Z`."),
        }
    ),
    "RunwayRecord": record_schema(
        {
            "parentTaskId": text("The task whose clip this one continues; else empty."),
            "generateParam": {"type": "object", "description": "What was asked."},
            "state": text(enum=["wait", "queueing", "generating", "success", "fail"]),
            "generateTime": text("UTC, such as `2026-02-26 10:00:00`; empty before success."),
            "videoInfo": MAYBE_OBJECT,
            "failCode": MAYBE_CODE,
            "failMsg": text(),
            "expireFlag": whole("1 once the files are gone by age.", enum=[0, 1]),
        }
    ),
    "AlephRecord": record_schema(
        {
            "paramJson": PARAM,
            "response": MAYBE_OBJECT,
            "completeTime": {**MAYBE_TEXT, "description": "UTC, such as `2026-02-26T10:00:00Z`."},
            "createTime": text("UTC, such as `2026-02-26T10:00:00Z`."),
            "successFlag": FLAG,
            "errorCode": whole("0 means no error."),
            "errorMessage": text(),
        }
    ),
    "VeoRecord": record_schema(
        {
            "paramJson": PARAM,
            "completeTime": MAYBE_MOMENT,
            "response": MAYBE_OBJECT,
            "successFlag": FLAG,
            "errorCode": MAYBE_CODE,
            "errorMessage": MAYBE_TEXT,
            "createTime": whole("Milliseconds since 1970."),
            "fallbackFlag": {"const": False},
            "mediaIds": listed(text(), "4K copies only."),
        },
        "fallbackFlag",
        "mediaIds",
    ),
}
CALLBACK: JsonObject = {
    "type": "object",
    "required": ["code", "msg"],
    "properties": {"code": whole("200, or why the task failed."), "msg": text("The same in words.")},
    "description": "What a callback address is told; the rest differs from API to API.",
}
SCHEMAS: JsonObject = {**RECORDS, "DedicatedCallback": CALLBACK}

_NUMBER = whole("Which of the task's clips, counted from 0; there is one.", minimum=0)
_COPY = thing(
    {
        "taskId": TASK_ID,
        "resultUrls": {"type": ["array", "null"], "items": text()},
        "imageUrls": {"type": ["array", "null"], "items": text()},
    }
)
_COPY_REFUSED = thing(
    {"code": whole(minimum=400, maximum=599), "msg": text(), "data": _COPY, "error": ref("Problem")}
)


def creation(
    create: Create,
    name: str,
    summary: str,
    description: str = "",
    *,
    tag: str = TAG,
    callback: str = "DedicatedCallback",
) -> Operation:
    """A family's create call. ``callback``: the component that its callbacks are."""
    inputs = [ref(f"{component(model)}.input") for model in create.models]
    own: JsonObject = dict(OWN)
    if len(create.models) > 1:
        own["model"] = text(enum=[*create.models], default=create.models[0])
    own_fields: JsonObject = {"type": "object", "properties": own}
    if create.needs_callback:
        own_fields["required"] = ["callBackUrl"]
    body: JsonObject = {"allOf": [inputs[0] if len(inputs) == 1 else {"anyOf": inputs}, own_fields]}
    return Operation(
        "POST",
        create.path,
        name,
        tag,
        summary,
        description,
        parameters=(IDEMPOTENCY,),
        body=json_body(body),
        data=thing({"taskId": TASK_ID, "warnings": WARNINGS}, optional=("warnings",)),
        example={"taskId": EXAMPLE_ID},
        refusals=CREATE_REFUSALS,
        callbacks=_told(f"{name}Ended", callback),
    )


def _told(name: str, schema: str = "DedicatedCallback") -> JsonObject:
    return {name: {"{$request.body#/callBackUrl}": told(name, "The task has ended", schema)}}


def look(family: type[Dedicated], name: str, schema: str, *, tag: str = TAG) -> Operation:
    """A family's record call. ``schema``: the component that its ``data`` is."""
    return Operation(
        "GET",
        family.record_path,
        name,
        tag,
        "Get a task's state and result",
        parameters=(in_query("taskId", text(), "The task's id.", required=True), WAIT),
        data=ref(schema),
        refusals=(Reason.UNKNOWN_TASK, Reason.INVALID_INPUT),
    )


def _copy_answers() -> dict[str, Any]:
    schema: JsonObject = {"oneOf": [envelope(_COPY), _COPY_REFUSED, ref("Failure")]}
    return {"200": answer("Begun, or a refusal that tells how far it is.", JSON_TYPE, schema)}


OPERATIONS = (
    creation(gpt4o_image.GENERATE, "createGpt4oImage", "Make or change pictures with 4o Image"),
    look(gpt4o_image.Gpt4oImage, "getGpt4oImage", "Gpt4oImageRecord"),
    Operation(
        "POST",
        gpt4o_image.DOWNLOAD_PATH,
        "getGpt4oImageDownload",
        TAG,
        "Get the direct link of a picture",
        body=json_body(thing({"taskId": TASK_ID, "url": text("One of the task's pictures.")})),
        data=text("The link."),
        refusals=(Reason.INVALID_INPUT,),
    ),
    creation(flux_kontext.GENERATE, "createFluxKontext", "Make or change a picture with Flux Kontext"),
    look(flux_kontext.FluxKontext, "getFluxKontext", "FluxKontextRecord"),
    creation(runway.GENERATE, "createRunway", "Make a clip with Runway"),
    creation(runway.EXTEND, "extendRunway", "Continue a Runway clip"),
    look(runway.Runway, "getRunway", "RunwayRecord"),
    creation(aleph.GENERATE, "createAleph", "Change a clip with Runway Aleph"),
    look(aleph.Aleph, "getAleph", "AlephRecord"),
    creation(veo.GENERATE, "createVeo", "Make a clip with Veo 3.1"),
    creation(veo.EXTEND, "extendVeo", "Continue a Veo clip"),
    look(veo.Veo, "getVeo", "VeoRecord"),
    Operation(
        "GET",
        veo.FULL_HD.path,
        "getVeo1080p",
        TAG,
        "Get the 1080p copy of a Veo clip",
        "The first call begins it, as a task of its own with a price. Until it is ready the answer is code 422 with "
        "`error.code` `not_ready`.",
        parameters=(
            in_query("taskId", text(), "A finished Veo task's id.", required=True),
            in_query("index", _NUMBER, "Which clip."),
            WAIT,
        ),
        data=thing({"resultUrl": text("The copy.")}),
        refusals=CREATE_REFUSALS,
    ),
    Operation(
        "POST",
        veo.ULTRA_HD.path,
        "createVeo4k",
        TAG,
        "Begin the 4K copy of a Veo clip",
        "The first call begins it, as a task of its own with a price. Later ones answer code 422 and tell in `data` "
        "how far it is.",
        parameters=(WAIT,),
        body=json_body(thing({"taskId": TASK_ID, "index": _NUMBER, **OWN}, optional=("index", *OWN))),
        answers=_copy_answers(),
        refusals=CREATE_REFUSALS,
        callbacks=_told("createVeo4kEnded"),
    ),
)
