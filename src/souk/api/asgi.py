"""The ASGI application: a small router in front of everything, with the hot routes as bare handlers.

A hot handler gets the scope, its headers and ``receive``, and returns the body of a 200 answer. Chat writes its own
answers, and its makers' kinds of errors. The rest are ordinary Starlette routes. What is raised is answered here.
"""

from collections.abc import Sequence

from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from souk.api.answers import Signed, request_id_of, send_json, send_preflight
from souk.api.body import Disconnected
from souk.api.chat import TEMPLATES, ChatRoutes, place_of
from souk.api.credential import FORWARDING
from souk.api.errors import WrongMethod, failure_of, unknown_path
from souk.api.site import HeaderMap, HotRoutes, Site
from souk.logs import request_id as current_request_id


class Application:
    """Every HTTP request of the process comes through here."""

    def __init__(
        self, site: Site, hot: HotRoutes, routes: Sequence[Route], chat: ChatRoutes | None = None
    ) -> None:
        self._site = site
        self._hot = hot
        self._routes = routes
        self._chat = chat

    def table(self) -> list[tuple[str, str]]:
        """Every method and path there is."""
        hot = [(method, path) for path, (method, _) in self._hot.items()]
        if self._chat is not None:
            hot += [("POST", path) for path in TEMPLATES]
        return hot + [
            (method, route.path) for route in self._routes for method in sorted(route.methods or ())
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":  # a WebSocket: refused before it is accepted
            await send({"type": "websocket.close", "code": 1008})
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = request_id_of(headers)
        current_request_id.set(request_id)
        for name in FORWARDING:
            if name in headers:
                self._site.proxied()
        await self._answer(scope, headers, receive, send, request_id)

    async def _answer(
        self, scope: Scope, headers: HeaderMap, receive: Receive, send: Send, request_id: str
    ) -> None:
        method, path = scope["method"], scope["path"]
        hot = self._hot.get(path)
        signed: Signed | None = None
        try:
            if hot is not None and hot[0] == method:
                await send_json(send, 200, await hot[1](scope, headers, receive), request_id)
            elif method == "POST" and self._chat is not None and (place := place_of(path)) is not None:
                await self._chat.answer(place, scope, headers, receive, send, request_id)
            elif method == "OPTIONS":
                await send_preflight(send, request_id, headers.get(b"access-control-request-headers"))
            else:
                signed = Signed(send, request_id)
                await self._route(scope)(scope, receive, signed)
        except (Disconnected, ClientDisconnect):
            return
        except Exception as error:  # the last place that can still turn it into an answer
            failure = failure_of(error, request_id, path)
            if signed is not None and signed.begun:
                raise  # half an answer is out: only a broken connection tells the client
            await send_json(send, failure.status, failure.body, request_id, failure.headers)

    def _route(self, scope: Scope) -> ASGIApp:
        """The ordinary route of this request, with its path parameters set. Raises Rejected."""
        allowed: set[str] = set()
        for route in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child)
                return route.handle
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
        path = scope["path"]
        if path in self._hot:
            allowed.add(self._hot[path][0])
        if self._chat is not None and place_of(path) is not None:
            allowed.add("POST")
        if allowed:
            raise WrongMethod(scope["method"], path, allowed)
        raise unknown_path(scope["method"], path, self.table())


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's events of start and stop; the house is opened and closed around the server."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
