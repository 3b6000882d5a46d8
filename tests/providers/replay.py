"""Recorded exchanges with real services: how one is read, answered again on loopback, and compared to what we send."""

import base64
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from souk.words import JsonObject

VARIABLE = "SOUK_WIRE_SAMPLES"
FOLDER = Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None
"""A folder for each service, with a file for each exchange: source, request, and response or null."""

NO_VERDICT = 500
"""Answered where only the request matters: it proves nothing to any adapter."""
SOUND = b"ID3" + bytes(64)
OMITTED = re.compile(r"<base64 \d+ chars>")
OMITTED_BODY = re.compile(r"<binary [^>]*>")
MODEL = re.compile(r"(?<=/models/)[^:/]+")
"""Names a model in a path that goes on with what is asked of it."""
VOICE = re.compile(r"(?<=/text-to-speech/)[^/]+")
VERSION = re.compile(r"^/v1(?:beta1?)?/(?=models/|projects/|interactions)")
"""Google's, of which every client may choose."""
PLACE = re.compile(r"(?<=/projects/)[^/]+/locations/[^/]+")
TASK = re.compile(r"(?<=/tasks/)[^/]+|(?<=/videos/)(?:video_)?[0-9a-f-]+(?=/|$)|(?<=/interactions/)[^/]+")

Shape = set[tuple[str, str]]
"""The fields of a body or, after a question mark, of a query: where each is, and the JSON type it has."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange with a service."""

    name: str
    source: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any
    response: JsonObject | None

    @property
    def endpoint(self) -> str:
        return f"{self.method} {path_shape(urlsplit(self.url).path)}"

    @property
    def exact(self) -> bool:
        """Whether the maker's own client was recorded; other recorders write down keys in a form of theirs."""
        return "SDK" in self.source

    @property
    def shape(self) -> Shape:
        asked = parse_qsl(urlsplit(self.url).query, keep_blank_values=True)
        return shape_of(self.body) | in_query(name for name, _ in asked)


@dataclass(slots=True)
class Asked:
    """One request that arrived."""

    endpoint: str
    headers: Mapping[str, str]
    shape: Shape


@dataclass(slots=True)
class Stand:
    """A service that answers every request in the same way, unless ``first`` has its method and the path's end."""

    answer: web.Response
    first: Mapping[str, JsonObject]
    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    """What arrived, but for the questions that ``first`` answered."""

    async def handle(self, request: web.Request) -> web.Response:
        for question, told in self.first.items():
            method, _, end = question.partition(" ")
            if request.method == method and request.path.endswith(end):
                return web.json_response(told)
        shape = await _arrived(request) | in_query(request.query)
        endpoint = f"{request.method} {path_shape(request.path)}"
        self.asked.append(Asked(endpoint, request.headers, shape))
        return self.answer


def names(service: str) -> list[str]:
    """Every recording of a service, as ``service/file``."""
    assert FOLDER is not None
    return sorted(f"{service}/{path.stem}" for path in (FOLDER / service).glob("*.json"))


@cache
def recording(name: str) -> Recording:
    assert FOLDER is not None
    told = json.loads((FOLDER / f"{name}.json").read_text())
    asked = told["request"]
    headers = {key.lower(): value for key, value in (asked.get("headers") or {}).items()}
    source, body = told["source"], asked.get("body")
    return Recording(name, source, asked["method"], asked["url"], headers, body, told["response"])


def alike(name: str, endpoint: str) -> list[Recording]:
    """What was recorded of an endpoint of the service that ``name`` belongs to."""
    found = (recording(other) for other in names(name.partition("/")[0]))
    return [one for one in found if one.endpoint == endpoint]


def answer_of(one: Recording) -> web.Response:
    """The recorded answer; bytes that the recording leaves out are made up."""
    assert one.response is not None
    body, status = one.response["body"], one.response["status"]
    declared = (one.response["headers"] or {}).get("content-type", "application/json")
    if isinstance(body, str):
        text = SOUND if OMITTED_BODY.fullmatch(body) else body.encode()
    else:
        text = OMITTED.sub(base64.b64encode(SOUND).decode(), json.dumps(body)).encode()
    return web.Response(body=text, status=status, headers={"Content-Type": declared})


@contextlib.asynccontextmanager
async def standing(
    one: Recording, *, answered: bool, first: Mapping[str, JsonObject]
) -> AsyncIterator[Stand]:
    """A service on loopback that gives the recorded answer, or none that means anything."""
    stand = Stand(answer_of(one) if answered else web.Response(status=NO_VERDICT), first)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stand.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stand
    finally:
        await runner.cleanup()


def path_shape(path: str) -> str:
    """A path without what differs from call to call: ids, models, voices, versions, projects."""
    path = VERSION.sub("/", path)
    for varying in (PLACE, MODEL, VOICE, TASK):
        path = varying.sub("*", path)
    return path


def shape_of(body: Any) -> Shape:
    """The fields of a recorded body: JSON, or a form in one of the ways that forms are written down."""
    if isinstance(body, dict):
        parts = body.get("multipart") or body.get("_multipart")
        if isinstance(parts, list):
            return {(part["name"], "file" if "filename" in part else "string") for part in parts}
        if parts:
            fields = ((name, value) for name, value in body.items() if name != "_multipart")
            return {(name, "file" if isinstance(value, dict) else "string") for name, value in fields}
    return set(_fields(body, ""))


def in_query(names: Iterable[str]) -> Shape:
    return {(f"?{name}", "string") for name in names}


def unheard_of(sent: Shape, recorded: Sequence[Recording], documented: Shape) -> Shape:
    """What is sent under a name, or as a type, that no recording and no table has.

    A field recorded as null only is known by its name.
    """
    known = set[tuple[str, str]]().union(documented, *(one.shape for one in recorded))
    types: dict[str, set[str]] = {}
    for place, kind in known:
        types.setdefault(place, set()).add(kind)
    return {
        (place, kind)
        for place, kind in sent
        if place not in types or (kind not in types[place] and types[place] != {"null"})
    }


def key_header(headers: Mapping[str, str], key: str) -> tuple[str, str]:
    """The header that carries the key, and the scheme before it."""
    ((name, value),) = [(name.lower(), value) for name, value in headers.items() if key in value]
    return name, value.removesuffix(key).strip()


def recorded_keys(recorded: Iterable[Recording]) -> set[tuple[str, str]]:
    """The headers that carried keys, each with its scheme; those whose whole value was taken out tell nothing."""
    found = set[tuple[str, str]]()
    for one in recorded:
        for name, value in one.headers.items():
            scheme, marker, _ = value.partition("<")
            if marker and name in ("authorization", "x-goog-api-key", "xi-api-key"):
                found.add((name, scheme.strip()))
    return found


async def _arrived(request: web.Request) -> Shape:
    if request.content_type == "multipart/form-data":
        form = await request.post()
        return {(name, "string" if isinstance(value, str) else "file") for name, value in form.items()}
    text = await request.text()
    return shape_of(json.loads(text)) if text else set()


def _fields(value: Any, place: str) -> Iterable[tuple[str, str]]:
    if place:
        yield place, _type(value)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _fields(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, f"{place}[]")


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
