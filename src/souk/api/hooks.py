"""Where upstreams report: ``POST /hooks/{attempt}/{secret}``. The address is the credential."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from souk.api import body
from souk.engine.hooks import PATH, Hooks

MOST_BYTES: Final = 1 << 20
"""A report tells of files by their addresses."""


class HookRoute:
    """Answers for the webhooks of upstreams."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def route(self) -> Route:
        return Route(PATH + "{attempt_id}/{secret}", self.receive, methods=["POST"])

    async def receive(self, request: Request) -> JSONResponse:
        """One report. Whatever it says, an upstream hears no more than whether the address exists."""
        declared = request.headers.get("content-length", "").encode() or None
        report = await body.read(request.receive, declared, MOST_BYTES)
        known = request.path_params["attempt_id"], request.path_params["secret"]
        if await self._hooks.receive(*known, dict(request.headers), report):
            return JSONResponse({"code": 200, "msg": "success"})
        return JSONResponse({"code": 404, "msg": "Not found", "data": None}, 404)
