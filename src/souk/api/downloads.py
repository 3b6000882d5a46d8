"""Links that save a file: made for the owner of the file by ``download-url``, and valid for twenty minutes."""

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from souk.api.answers import json_answer
from souk.api.files import Files, disposition
from souk.api.site import Site
from souk.assets.signed import SIGNED_UNDER, BadLink, SignedLinks
from souk.clock import Clock
from souk.dialects.envelope import success
from souk.operations.types import Reason, Refusal
from souk.store import assets

DOWNLOAD_URL = "/api/v1/common/download-url"


class DownloadRoutes:
    """The call that makes such links, and the place they point to."""

    def __init__(self, site: Site, files: Files, links: SignedLinks, clock: Clock) -> None:
        self._site = site
        self._files = files
        self._links = links
        self._clock = clock
        self.routes = [
            Route(DOWNLOAD_URL, self.make, methods=["POST"]),
            Route(SIGNED_UNDER + "{path:path}", self.serve, methods=["GET", "HEAD", "OPTIONS"]),
        ]

    async def make(self, request: Request) -> Response:
        """POST download-url: a link that saves a result or upload of the caller's."""
        caller = await self._site.caller_of(request)
        url = (await self._site.json_of(request)).get("url")
        if not isinstance(url, str):
            raise Refusal(Reason.UNKNOWN_FILE, "url must be the address of a stored file", field="url")
        row = await self._site.operations.file(caller, url)
        return json_answer(success(self._links.make(row.path, self._clock.now())))

    async def serve(self, request: Request) -> Response:
        """A file, to be saved and not shown."""
        path, query = request.path_params["path"], request.query_params
        now = self._clock.now()
        try:
            left = self._links.check(path, query.get("expires", ""), query.get("sig", ""), now)
        except BadLink as error:
            return JSONResponse({"code": 403, "msg": str(error), "data": None}, 403)
        return await self._files.send(
            request,
            partial(assets.served, path=path, now=now),
            lambda asset: {
                "Content-Disposition": disposition("attachment", asset.shown_name),
                "Cache-Control": f"private, max-age={left}",
            },
        )
