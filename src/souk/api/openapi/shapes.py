"""The small parts descriptions are made of: schemas, parameters, bodies and answers as OpenAPI writes them."""

from typing import Any

from souk.words import JsonObject

JSON = "application/json"


def ref(name: str) -> JsonObject:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str = "", **more: Any) -> JsonObject:
    """The schema of a text."""
    return _described({"type": "string", **more}, description)


def whole(description: str = "", **more: Any) -> JsonObject:
    """The schema of a whole number."""
    return _described({"type": "integer", **more}, description)


def number(description: str = "", **more: Any) -> JsonObject:
    """The schema of a number."""
    return _described({"type": "number", **more}, description)


def flag(description: str = "", **more: Any) -> JsonObject:
    """The schema of a boolean."""
    return _described({"type": "boolean", **more}, description)


def listed(items: JsonObject, description: str = "", **more: Any) -> JsonObject:
    """The schema of a list."""
    return _described({"type": "array", "items": items, **more}, description)


def thing(properties: JsonObject, description: str = "", *, optional: tuple[str, ...] = ()) -> JsonObject:
    """The schema of an object: every property is required, but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return _described({"type": "object", "properties": properties, "required": required}, description)


def in_query(name: str, schema: JsonObject, description: str, *, required: bool = False) -> JsonObject:
    """A parameter of the query."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


def in_path(name: str, schema: JsonObject, description: str, example: str) -> JsonObject:
    """A part of the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def in_header(name: str, schema: JsonObject, description: str) -> JsonObject:
    """A header of the request."""
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def json_body(schema: JsonObject, *, examples: JsonObject | None = None, description: str = "") -> JsonObject:
    """A request body of JSON. ``examples`` are example objects by name."""
    content: JsonObject = {"schema": schema}
    if examples:
        content["examples"] = examples
    return _described({"required": True, "content": {JSON: content}}, description)


def answer(
    description: str, media_type: str, schema: JsonObject, headers: JsonObject | None = None
) -> JsonObject:
    """A response object with one media type."""
    found: JsonObject = {"description": description, "content": {media_type: {"schema": schema}}}
    if headers:
        found["headers"] = headers
    return found


def _described(found: JsonObject, description: str) -> JsonObject:
    return {**found, "description": description} if description else found
