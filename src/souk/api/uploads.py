"""The File Upload API over HTTP: three calls that end with a file in storage and a link tasks can name."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk.api import body
from souk.api.answers import json_answer
from souk.api.multipart import FILE, FileTooLarge, receive_form
from souk.api.site import Site
from souk.assets.names import extension_in
from souk.dialects import uploads as wire
from souk.dialects.envelope import Rejected
from souk.operations.uploads import Claims, Uploads
from souk.store.assets import AssetRow
from souk.words import JsonObject

BASE64_BODY_BYTES = 16 * 1024 * 1024
"""Such a body is held in memory: files of some 12 MB, where the wire names 10 as the most it is meant for."""


class UploadRoutes:
    """Handlers of ``/api/file-…-upload``."""

    def __init__(self, site: Site, uploads: Uploads, public_url: str) -> None:
        self._site = site
        self._uploads = uploads
        self._public_url = public_url
        self.routes = [
            Route(wire.BASE64_PATH, self.base64, methods=["POST"]),
            Route(wire.URL_PATH, self.url, methods=["POST"]),
            Route(wire.STREAM_PATH, self.stream, methods=["POST"]),
        ]

    async def base64(self, request: Request) -> Response:
        """POST file-base64-upload: the file is in the body as text."""
        caller = await self._site.caller_of(request)
        fields = await self._base64_body(request)
        text, place = wire.required(fields, "base64Data"), wire.place_of(fields)
        data, declared = await asyncio.to_thread(wire.decoded, text)
        claims = Claims("base64Data", declared)
        return self._answer(await self._uploads.write(caller, place, data, claims))

    async def url(self, request: Request) -> Response:
        """POST file-url-upload: the file is fetched."""
        caller = await self._site.caller_of(request)
        fields = await self._site.json_of(request)
        url, place = wire.address(fields, "fileUrl"), wire.place_of(fields)
        return self._answer(await self._uploads.fetch(caller, place, url))

    async def stream(self, request: Request) -> Response:
        """POST file-stream-upload: the file is a part of a form, and goes to disk as it comes in."""
        caller = await self._site.caller_of(request)
        headers, uploads = dict(request.scope["headers"]), self._uploads
        async with uploads.scratch() as scratch:
            try:
                form = await receive_form(headers, request.receive, scratch, uploads.max_bytes)
            except FileTooLarge:
                raise uploads.too_large(FILE) from None
            if not form.sha256:
                raise wire.invalid(FILE, f"Missing required parameter: {FILE}", "missing_parameter")
            place = wire.place_of(form.fields)
            claims = Claims(FILE, form.media_type, extension=extension_in(form.filename))
            row = await uploads.keep(caller, place, scratch, claims, sha256=form.sha256)
        return self._answer(row)

    async def _base64_body(self, request: Request) -> JsonObject:
        limit = max(self._site.max_body, BASE64_BODY_BYTES)
        declared = request.headers.get("content-length", "").encode()
        try:
            raw = await body.read(request.receive, declared, limit)
        except Rejected:
            text = f"base64Data is too large: the body may have {limit} bytes; use {wire.STREAM_PATH}"
            raise wire.invalid("base64Data", text, "body_too_large") from None
        # Reading that much text takes longer than a busy event loop should wait.
        return await asyncio.to_thread(body.parse_object, raw, self._site.max_depth)

    def _answer(self, row: AssetRow) -> Response:
        return json_answer(wire.stored(row, self._public_url))
