"""The OpenAPI 3.1 document of a process: the described operations, and the catalogue's models in their bodies."""

import re
from collections.abc import Sequence
from typing import Any

from souk import __version__
from souk.api.openapi import models as from_catalogue
from souk.api.openapi.operation import Operation
from souk.api.openapi.records import envelope
from souk.api.openapi.shapes import JSON, answer, ref, text, whole
from souk.api.openapi.table import OPERATIONS, SCHEMAS
from souk.dialects.envelope import ANSWERS
from souk.operations.types import Reason, Refusal
from souk.words import JsonObject

ABOUT = """\
A self-hosted market of generative models. Create a task with `createTask`, then ask `recordInfo` for its record,
or wait for the callback: `resultJson` holds the links of what was made.

Every answer is an envelope: `code` 200 with `data`, or another `code` with `msg` and the object `error`. HTTP stays 200
for what an operation refuses.
"""
_CONVERTOR = re.compile(r":\w+}")
_ANY_CALL = (Reason.UNAUTHORIZED, Reason.IP_DENIED, Reason.FORBIDDEN)
_HEADERS: JsonObject = {
    "X-Request-Id": {"description": "The id under which the log knows this call.", "schema": text()},
    "Retry-After": {"description": "Seconds to wait, when waiting helps.", "schema": whole(minimum=1)},
}
_NO_CALL = "No operation was asked for: no such path, another method, or a body that is too large."


def document(models: Sequence[JsonObject]) -> JsonObject:
    """The whole document. ``models`` are the catalogue's full descriptions."""
    paths: dict[str, JsonObject] = {}
    for operation in OPERATIONS:
        paths.setdefault(path_of(operation), {})[operation.method.lower()] = _described(operation)
    creating = paths["/api/v1/jobs/createTask"]["post"]["requestBody"]["content"][JSON]
    creating["examples"] = from_catalogue.examples(models)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Souk",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS | from_catalogue.schemas(models),
            "headers": _HEADERS,
            "responses": {"NoCall": answer(_NO_CALL, JSON, ref("Failure"))},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of this server."}
            },
        },
    }


def path_of(operation: Operation) -> str:
    """The path as OpenAPI writes it: without the kind of a parameter."""
    return _CONVERTOR.sub("}", operation.path)


def _described(operation: Operation) -> JsonObject:
    found: JsonObject = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description:
        found["description"] = operation.description
    if operation.deprecated:
        found["deprecated"] = True
    if operation.parameters:
        found["parameters"] = list(operation.parameters)
    if operation.body is not None:
        # A copy, because the examples of the catalogue join it.
        found["requestBody"] = operation.body | {
            "content": {kind: dict(media) for kind, media in operation.body["content"].items()}
        }
    found["responses"] = _answers(operation)
    if operation.refusals or operation.needs_key:
        found["x-refusals"] = _refusals(operation)
    if not operation.needs_key:
        found["security"] = []
    if operation.callbacks is not None:
        found["callbacks"] = operation.callbacks
    return found


def _answers(operation: Operation) -> JsonObject:
    found: JsonObject = {}
    if operation.data is not None:
        content: JsonObject = {"schema": {"oneOf": [envelope(operation.data), ref("Failure")]}}
        if operation.example is not None:
            content["example"] = {"code": 200, "msg": "success", "data": operation.example}
        found["200"] = {
            "description": "What was asked for, or a refusal; `code` tells.",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
            "content": {JSON: content},
        }
    found |= operation.answers
    found["4XX"] = {"$ref": "#/components/responses/NoCall"}
    return found


def _refusals(operation: Operation) -> list[dict[str, Any]]:
    """What a call may be refused for, as the wire says it."""
    common = _ANY_CALL if operation.needs_key else ()
    return [
        {
            "code": ANSWERS[reason].code,
            "error": reason.value,
            "retryable": Refusal(reason, "").retryable,
        }
        for reason in (*common, *operation.refusals)
    ]
