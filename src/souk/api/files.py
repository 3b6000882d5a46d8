"""Serving stored files: ``GET /f/<path>``, the address in every result, and ``/kieai/<path>``, that of uploads.

Links are unguessable, so they need no key.

Follows RFC 9110 for ranges and conditions, so that players can seek and caches can ask again.
"""

import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from souk.assets.links import SERVED_UNDER
from souk.assets.names import LINK_ROOT, is_link
from souk.assets.storage import Missing, Storage, StorageError
from souk.clock import Clock
from souk.store import assets
from souk.store.assets import AssetRow
from souk.store.database import Connection
from souk.store.reads import Reads
from souk.words import Millis

log = logging.getLogger("souk.files")

YEAR_SECONDS = 365 * 86_400
DIRECT_SECONDS = 15 * 60
"""How long an address of the bucket works. A player that seeks may come back to it."""
_TOLD_BY_THE_BUCKET = ("Content-Type", "Content-Disposition")
_PLAYED = ("image/", "video/", "audio/")
_ACTIVE = frozenset({"image/svg+xml"})
"""Pictures that can run scripts."""
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)

_OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Disposition, Content-Range, ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
_PREFLIGHT = {
    **_OPEN,
    "Allow": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}


class Files:
    """Answers for the links of stored files."""

    def __init__(self, reads: Reads, storage: Storage, clock: Clock, *, direct: bool = False) -> None:
        """``direct`` sends clients on to the storage itself, so that the bytes need not pass through here."""
        self._reads = reads
        self._storage = storage
        self._clock = clock
        self._direct = direct

    def route(self) -> Route:
        """Where the links point."""
        path = SERVED_UNDER + "{path:path}"
        return Route(path, self.answer, methods=["GET", "HEAD", "OPTIONS"], name="file")

    def upload_route(self) -> Route:
        """Where the links of uploads point."""
        path = f"/{LINK_ROOT}/{{path:path}}"
        return Route(path, self.answer_upload, methods=["GET", "HEAD", "OPTIONS"], name="upload")

    async def answer(self, request: Request) -> Response:
        """One request for a file."""
        find = partial(assets.served, path=request.path_params["path"], now=self._clock.now())
        return await self.send(request, find)

    async def answer_upload(self, request: Request) -> Response:
        """One request for an upload. Another file may take its link, so caches ask each time."""
        path = f"{LINK_ROOT}/{request.path_params['path']}"
        if not is_link(path):
            return _not_found()
        find = partial(assets.linked, link=path, now=self._clock.now())
        return await self.send(request, find, lambda _: {"Cache-Control": "public, no-cache"})

    async def send(
        self,
        request: Request,
        find: Callable[[Connection], AssetRow | None],
        more: Callable[[AssetRow], Mapping[str, str]] = lambda _: {},
    ) -> Response:
        """Answer with the file that is found, or that there is none. ``more`` adds headers and replaces them."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        asset = await self._reads.run(find)
        if asset is None:
            return _not_found()
        headers = {**_headers(asset, self._clock.now()), **more(asset)}
        if _is_fresh(request.headers, headers):
            return Response(status_code=304, headers=_without_content(headers))
        if request.method == "HEAD":
            return Response(headers={**headers, "Content-Length": str(asset.size)})
        if self._direct and (elsewhere := self._sent_on(asset, headers)):
            return elsewhere
        wanted = _wanted_range(request.headers, headers, asset.size)
        if wanted is None:
            return await self._send(asset, range(asset.size), 200, headers)
        if not wanted:
            unsatisfiable = {**_OPEN, "Content-Range": f"bytes */{asset.size}", "Cache-Control": "no-store"}
            return Response(status_code=416, headers=unsatisfiable)
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{asset.size}"
        return await self._send(asset, wanted, 206, headers)

    def _sent_on(self, asset: AssetRow, headers: Mapping[str, str]) -> Response | None:
        """A redirect to where the bytes are. The address is of this moment, so nobody may keep the answer."""
        told = {name: headers[name] for name in _TOLD_BY_THE_BUCKET}
        url = self._storage.direct_link(asset.path, DIRECT_SECONDS, told)
        if url is None:
            return None
        return Response(status_code=302, headers={**_OPEN, "Location": url, "Cache-Control": "no-store"})

    async def _send(self, asset: AssetRow, part: range, status: int, headers: dict[str, str]) -> Response:
        pieces = self._storage.open_range(asset.path, part.start, len(part))
        try:
            first = await anext(pieces, b"")
        except Missing:
            log.error("stored file has no bytes", extra={"path": asset.path, "task_id": asset.task_id})  # noqa: TRY400 - where it was missed tells nothing
            return _not_found()
        except StorageError as error:
            log.warning("stored file cannot be read", extra={"asset": asset.id, "reason": str(error)})
            return _unavailable()
        headers["Content-Length"] = str(len(part))
        if len(first) == len(part):
            await pieces.aclose()
            return Response(first, status, headers)
        return _FileStream(first, pieces, status, headers)


class _FileStream(StreamingResponse):
    """A file sent piece by piece; it is closed at once when the client goes away."""

    def __init__(
        self, first: bytes, rest: AsyncGenerator[bytes], status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(_chained(first, rest), status, headers)
        self._rest = rest

    async def stream_response(self, send: Send) -> None:
        async with contextlib.aclosing(self._rest):
            await super().stream_response(send)


async def _chained(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _not_found() -> Response:
    body = {"code": 404, "msg": "There is no file at this address, or it has expired.", "data": None}
    return JSONResponse(body, 404, {**_OPEN, "Cache-Control": "no-store"})


def _unavailable() -> Response:
    body = {"code": 503, "msg": "The storage does not answer right now; try again shortly.", "data": None}
    return JSONResponse(body, 503, {**_OPEN, "Cache-Control": "no-store", "Retry-After": "5"})


def _headers(asset: AssetRow, now: Millis) -> dict[str, str]:
    played = asset.media_type.startswith(_PLAYED) and asset.media_type not in _ACTIVE
    left = YEAR_SECONDS if asset.expires_at is None else max(0, (asset.expires_at - now) // 1000)
    headers = {
        **_OPEN,
        "Content-Type": asset.media_type
        + ("; charset=utf-8" if asset.media_type.startswith("text/") else ""),
        "Accept-Ranges": "bytes",
        "ETag": f'"{asset.sha256}"',
        "Last-Modified": formatdate(asset.created_at // 1000, usegmt=True),
        "Cache-Control": f"public, max-age={min(left, YEAR_SECONDS)}, immutable",
        "Content-Disposition": disposition("inline" if played else "attachment", asset.shown_name),
    }
    if not played:
        # Whatever a model wrote, it must not run as a page of this host.
        headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return headers


def disposition(kind: str, name: str) -> str:
    """A Content-Disposition with a name in any script (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    if plain == name:
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _without_content(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith("Content-")}


def _is_fresh(asked: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether the client's copy is the file as it is (RFC 9110, 13.1.2 and 13.1.3)."""
    known = asked.get("if-none-match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return "*" in tags or headers["ETag"] in tags
    since = asked.get("if-modified-since")
    return since is not None and _not_newer(headers["Last-Modified"], since)


def _not_newer(modified: str, since: str) -> bool:
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _wanted_range(asked: Mapping[str, str], headers: Mapping[str, str], size: int) -> range | None:
    """The bytes asked for: None for the whole file, an empty range if there are none such.

    Several ranges at once are answered with the whole file, as RFC 9110 allows; so is a range in an unknown
    unit, a malformed one, or one for another version of the file.
    """
    condition = asked.get("if-range")
    if condition is not None and condition not in (headers["ETag"], headers["Last-Modified"]):
        return None
    match = _RANGE.fullmatch(asked.get("range", ""))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    start, stop = int(first), int(last) + 1 if last else size
    if last and start >= stop:
        return None
    return range(start, min(stop, size))
