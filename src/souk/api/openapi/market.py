"""The operations about models and credits in words."""

from souk.api.openapi.operation import Operation
from souk.api.openapi.shapes import flag, in_path, in_query, listed, number, ref, text, thing, whole
from souk.words import JsonObject

TAG = "Models and credits"

MODEL: JsonObject = thing(
    {
        "model": text("The model's id."),
        "slug": text("The same."),
        "title": text("How people call it."),
        "provider": text("The brand."),
        "taskType": listed(text(), "The kinds of work it does."),
        "description": {"type": ["string", "null"]},
        "pricingDesc": text("The price in words."),
    },
    "A model in short.",
)
_MORE: JsonObject = {
    "vendor": text("Who makes it."),
    "category": text("What it makes.", examples=["image"]),
    "dialect": text("Which API creates its tasks: `jobs`, or a dedicated one."),
    "tasks": listed(text(), "The kinds of work it does, in the catalogue's words."),
    "aliases": listed(text(), "Other names that creates may use."),
    "paused": flag("Whether the operator refuses new tasks for now."),
    "input": {"type": "object", "description": "What `input` must be, as JSON Schema 2020-12."},
    "notes": listed(text(), "Rules that the schema cannot express."),
    "example": {"type": "object", "description": "An input that works."},
    "output": {"type": "object", "description": "What the example would give."},
    "price": {"type": "object", "description": "The price rule."},
    "priceVersion": text("Changes when the price rule does."),
    "usualSeconds": number("How long a task usually takes."),
    "deadlineSeconds": number("When a task is given up."),
    "routes": listed({"type": "object"}, "Who runs it, in order of preference."),
}
_CHAT: JsonObject = {
    "vendor": text("Who makes it."),
    "category": text(enum=["chat"]),
    "aliases": listed(text(), "Other names that requests may use."),
    "paused": flag("Whether the operator refuses new requests for now."),
    "protocols": listed(text(), "Whose protocols it is offered in."),
    "paths": listed(text(), "Where it is asked."),
    "streams": flag("Whether an answer at its own path is streamed unless the request says otherwise."),
    "context": whole("The most tokens it reads."),
    "maxOutput": whole("The most tokens it writes."),
    "price": {"type": "object", "description": "Credits for a million tokens of each kind."},
    "routes": listed({"type": "object"}, "Who runs it, in order of preference."),
}
SCHEMAS: JsonObject = {
    "Model": MODEL,
    "ModelInFull": thing({**MODEL["properties"], **_MORE}, "A model with all there is to know about it."),
    "ChatModelInFull": thing({**MODEL["properties"], **_CHAT}, "A chat model with all there is to know."),
}

OPERATIONS = (
    Operation(
        "GET",
        "/api/v1/models",
        "listModels",
        TAG,
        "List the models",
        "What `createTask` takes; with the `taskType` Chat, what chats. Nothing found is an empty list.",
        parameters=(
            in_query("taskType", text(), "Kinds of work, such as `Text to Image`, joined with commas."),
            in_query("provider", text(), "The brand, such as `Google`."),
            in_query("q", text(), "Looked for in id, title, brand and description."),
        ),
        data=thing({"total": whole(minimum=0), "models": listed(ref("Model"))}),
    ),
    Operation(
        "GET",
        "/api/v1/models/{model:path}",
        "getModel",
        TAG,
        "Get one model with its input schema and price",
        "An unknown id answers code 404.",
        parameters=(
            in_path(
                "model", text(), "An id or alias; slashes in it may stand as they are.", "nano-banana-pro"
            ),
        ),
        data={"oneOf": [ref("ModelInFull"), ref("ChatModelInFull")]},
    ),
    Operation(
        "GET",
        "/api/v1/chat/credit",
        "getCredit",
        TAG,
        "Get the credits left",
        "In the key's account and mode; held credits are not in it.",
        data=number(),
        example=9982,
    ),
)
