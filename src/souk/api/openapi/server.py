"""The operations that need no key, in words: stored files, the server's health, and the pages about the API."""

from souk.api.openapi.operation import Operation
from souk.api.openapi.shapes import JSON, answer, in_header, in_path, text, thing
from souk.words import JsonObject

TAG = "Server"
_ETAG: JsonObject = {"ETag": {"description": "Changes with the content.", "schema": text()}}
_UNCHANGED: JsonObject = {"description": "Your copy, named in `If-None-Match`, is the file as it is."}
_BYTES: JsonObject = {"*/*": {"schema": {}}}
_READY = thing(
    {
        "status": text(enum=["ready", "not ready"]),
        "checks": {
            "type": "object",
            "additionalProperties": text(),
            "description": "By part: `ok`, or what is wrong.",
        },
    }
)
_IF_NONE_MATCH = in_header("If-None-Match", text(), "The `ETag` of your copy.")
NO_FILE: JsonObject = {
    "type": "object",
    "properties": {"code": {"type": "integer"}, "data": {"type": "null"}},
}


def _page(path: str, name: str, summary: str, media_type: str, schema: JsonObject | None = None) -> Operation:
    return Operation(
        "GET",
        path,
        name,
        TAG,
        summary,
        parameters=(_IF_NONE_MATCH,),
        answers={"200": answer("It.", media_type, schema or text(), _ETAG), "304": _UNCHANGED},
        needs_key=False,
    )


def file_at(
    path: str,
    name: str,
    summary: str,
    example: str,
    *,
    more: tuple[JsonObject, ...] = (),
    answers: JsonObject | None = None,
) -> Operation:
    """A path below which files are served; ``more`` are parameters it needs, ``answers`` those it adds."""
    return Operation(
        "GET",
        path,
        name,
        "Files",
        summary,
        "Links lead here. They cannot be guessed and need no key. Byte ranges and conditions work as RFC 9110 says.",
        parameters=(
            in_path("path", text(), "The link's own; slashes stand as they are.", example),
            *more,
            in_header("Range", text(examples=["bytes=0-1023"]), "The part you want."),
            _IF_NONE_MATCH,
        ),
        answers={
            "200": {"description": "The file.", "content": _BYTES},
            "206": {"description": "The part asked for.", "content": _BYTES},
            "304": _UNCHANGED,
            "404": answer("There is no such file, or it has expired.", JSON, NO_FILE),
            "416": {"description": "The file has no such part."},
            **(answers or {}),
        },
        needs_key=False,
    )


OPERATIONS = (
    file_at("/f/{path:path}", "getFile", "Get a stored file", "a91aebff21aa/4052b0b3.png"),
    Operation(
        "POST",
        "/hooks/{attempt_id}/{secret}",
        "reportToHook",
        TAG,
        "Report that a task upstream has news",
        "For the services that Souk sends tasks to: each attempt gave them an address of its own, which is its "
        "credential. A report only makes Souk look at once.",
        parameters=(
            in_path("attempt_id", text(), "The attempt.", "0" * 32),
            in_path("secret", text(), "What makes the address unguessable.", "0" * 43),
        ),
        body={
            "content": {JSON: {"schema": {}}},
            "description": "What the service has to say; at most 1 MiB.",
        },
        answers={
            "200": answer("Heard.", JSON, thing({"code": {"const": 200}, "msg": text()})),
            "404": answer("There is no such address.", JSON, NO_FILE),
        },
        needs_key=False,
    ),
    Operation(
        "GET",
        "/health",
        "health",
        TAG,
        "Ask whether the process answers",
        answers={"200": answer("It does.", JSON, thing({"status": {"const": "ok"}, "version": text()}))},
        needs_key=False,
    ),
    Operation(
        "GET",
        "/ready",
        "ready",
        TAG,
        "Ask whether the process can do its work",
        answers={
            "200": answer("It can.", JSON, _READY),
            "503": answer("It cannot; `checks` names what is wrong.", JSON, _READY),
        },
        needs_key=False,
    ),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        TAG,
        "Get the metrics in Prometheus's text format",
        answers={"200": answer("Counters and gauges of this server and its store.", "text/plain", text())},
        needs_key=False,
    ),
    _page("/openapi.json", "openapi", "Get this document", JSON, {"type": "object"}),
    _page("/llms.txt", "llms", "Get a short description of this server for language models", "text/plain"),
    _page("/docs", "docs", "Open the page to read about and try every model", "text/html"),
    Operation(
        "GET",
        "/",
        "root",
        TAG,
        "Find the pages that describe this server",
        answers={
            "307": answer(
                "To `/docs`; the body tells what else there is.",
                JSON,
                thing({name: text() for name in ("name", "version", "docs", "openapi", "llms")}),
                {"Location": {"schema": text()}},
            )
        },
        needs_key=False,
    ),
    Operation(
        "GET",
        "/docs/{name}",
        "docsPart",
        TAG,
        "Get a part of the page",
        parameters=(in_path("name", text(), "A script, style or picture of it.", "app.js"), _IF_NONE_MATCH),
        answers={
            "200": {"description": "It.", "content": _BYTES, "headers": _ETAG},
            "304": _UNCHANGED,
        },
        needs_key=False,
    ),
)
