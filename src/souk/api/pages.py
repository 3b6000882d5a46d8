"""What the server says about itself: ``/openapi.json``, ``/llms.txt``, and ``/docs`` with its parts.

Each is made when first asked for, kept while the catalogue stays as it is, and sent with an ETag. They need no key:
they tell what the catalogue offers and nothing of what was done with it.
"""

import asyncio
import hashlib
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk import __version__
from souk.api.answers import JSON
from souk.dialects.envelope import Rejected
from souk.dialects.table import Dialects
from souk.operations.operations import Operations
from souk.words import JsonObject

PARTS: Final = "docs_page"
"""The package folder that holds the parts of ``/docs``."""
LINKS: Final = {"docs": "docs", "openapi": "openapi.json", "llms": "llms.txt"}
"""What ``/`` leads to."""
HEADERS: Final = {
    # Nothing of another place runs, loads or is called here, and nobody frames the page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is sent."""

    body: bytes
    media_type: str
    etag: str


def page(body: bytes, media_type: str) -> Page:
    """A page with its ETag."""
    return Page(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class Pages:
    """Handlers of the pages that describe the server."""

    def __init__(self, operations: Operations, dialects: Dialects, public_url: str) -> None:
        self._operations = operations
        self._dialects = dialects
        self._public_url = public_url
        self.routes = [
            Route("/", self._root, methods=["GET"]),
            self._route("/openapi.json", self._of_edition(self._openapi)),
            self._route("/llms.txt", self._of_edition(self._llms)),
            self._route("/docs", partial(part, "index.html")),
            Route("/docs/{name}", self._part, methods=["GET"]),
        ]

    def _of_edition(self, make: Callable[[], Page]) -> Callable[[], Page]:
        """A page that is made once for each edition of the catalogue."""
        kept: dict[int, Page] = {}

        def made() -> Page:
            edition = self._operations.edition
            found = kept.get(edition)
            if found is None:
                found = make()
                kept.clear()
                kept[edition] = found
            return found

        return made

    def _route(self, path: str, made: Callable[[], Page]) -> Route:
        async def answer(request: Request) -> Response:
            # In a thread, because the first one takes a twentieth of a second.
            return _answer(request, await asyncio.to_thread(made))

        return Route(path, answer, methods=["GET"])

    async def _root(self, _request: Request) -> Response:
        """GET /: people go on to ``/docs``, and who follows no redirect reads where to look."""
        told = {"name": "Souk", "version": __version__}
        told |= {name: f"{self._public_url}/{path}" for name, path in LINKS.items()}
        # Relative, for a server that stands below a path of its proxy.
        return Response(msgspec.json.encode(told), 307, {"Location": LINKS["docs"]}, JSON)

    async def _part(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        if name not in part_names():
            raise Rejected(404, f"The page has no part {name[:100]}", "unknown_path", status=404)
        return _answer(request, part(name))

    def _openapi(self) -> Page:
        # Imported here because few processes are ever asked, and all of them must start quickly.
        from souk.api.openapi.document import document

        return page(msgspec.json.encode(document(self._models())), JSON)

    def _llms(self) -> Page:
        from souk.api.llms import llms

        text = llms(self._models(), self._public_url, self._own_calls())
        return page(text.encode(), "text/plain; charset=utf-8")

    def _own_calls(self) -> dict[str, tuple[str, ...]]:
        """Create and record of every model with an API of its own; one path where the answer is the result."""
        found: dict[str, tuple[str, ...]] = {call.name: (call.path,) for call in self._dialects.direct}
        return found | {
            model: (create.path, family.record_path)
            for family in self._dialects.dedicated
            for create in family.creates
            for model in create.models
        }

    def _models(self) -> list[JsonObject]:
        """Every model in full, as the catalogue describes it."""
        found = (self._operations.model(str(model["model"])) for model in self._operations.models())
        return [model for model in found if model is not None]


@cache
def part_names() -> frozenset[str]:
    """The files ``/docs`` is made of."""
    return frozenset(each.name for each in files("souk.api").joinpath(PARTS).iterdir() if each.is_file())


@cache
def part(name: str) -> Page:
    """One of those files."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind == "image/svg+xml"
    body = files("souk.api").joinpath(PARTS, name).read_bytes()
    return page(body, f"{kind}; charset=utf-8" if text else kind)


def _answer(request: Request, found: Page) -> Response:
    headers = {**HEADERS, "ETag": found.etag}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if found.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(found.body, headers=headers, media_type=found.media_type)
