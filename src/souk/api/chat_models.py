"""The list of chat models as the makers' own clients read it: one object that both OpenAI's and Anthropic's take."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk.api.answers import json_answer
from souk.api.chat import key_of
from souk.api.site import Site
from souk.operations.types import Reason, Refusal
from souk.relay.faults import fault_of
from souk.relay.protocols import CHAT
from souk.words import JsonObject

UNDATED = "1970-01-01T00:00:00Z"
"""The catalogue does not know when a model came out, and clients want a date."""


class ChatModelRoutes:
    """Handlers of ``/v1/models``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.routes = [
            Route("/v1/models", self.list, methods=["GET"]),
            Route("/v1/models/{model}", self.one, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """GET models: those that chat."""
        if (refused := await self._refused(request)) is not None:
            return refused
        models = [_shown(model) for model in self._site.operations.chats()]
        ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]} if models else {}
        return json_answer(msgspec.json.encode({"object": "list", "data": models, "has_more": False, **ends}))

    async def one(self, request: Request) -> Response:
        """GET models/{id}: one of them, by id or alias."""
        if (refused := await self._refused(request)) is not None:
            return refused
        name = request.path_params["model"]
        found = self._site.operations.chat(name)
        if found is None:
            return _refusal(Refusal(Reason.UNKNOWN_MODEL, f'there is no chat model "{name[:100]}"'))
        return json_answer(msgspec.json.encode(_shown(found)))

    async def _refused(self, request: Request) -> Response | None:
        headers = dict(request.scope["headers"])
        try:
            key = key_of(headers, request.scope["query_string"])
            await self._site.caller_with(key, request.scope, headers)
        except Refusal as refusal:
            return _refusal(refusal)
        return None


def _shown(model: JsonObject) -> JsonObject:
    return {
        "id": model["model"],
        "object": "model",
        "created": 0,
        "owned_by": model["provider"],
        "type": "model",
        "display_name": model["title"],
        "created_at": UNDATED,
    }


def _refusal(refusal: Refusal) -> Response:
    fault, _ = fault_of(refusal)
    return json_answer(CHAT.error(fault), fault.status)
