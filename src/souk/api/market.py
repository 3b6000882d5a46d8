"""What is for sale and what it is paid with: the model list, one model, and the credit balance."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk.api.answers import json_answer
from souk.api.site import Site
from souk.dialects.envelope import MODEL_UNKNOWN, Rejected, success
from souk.dialects.jobs import wire_credits
from souk.words import JsonObject


class MarketRoutes:
    """Handlers of ``/api/v1/models`` and ``/api/v1/chat/credit``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.routes = [
            Route("/api/v1/chat/credit", self.credit, methods=["GET"]),
            Route("/api/v1/models", self.models, methods=["GET"]),
            Route("/api/v1/models/{model:path}", self.model, methods=["GET"]),
        ]

    async def credit(self, request: Request) -> Response:
        """GET chat/credit: what the caller has left, as a bare number."""
        caller = await self._site.caller_of(request)
        return json_answer(success(wire_credits(await self._site.operations.balance(caller))))

    async def models(self, request: Request) -> Response:
        """GET models: what createTask takes, narrowed by ``taskType``, ``provider`` and free text ``q``.

        Those that chat are listed only for a ``taskType`` that says so: they are asked at paths of their own.
        """
        await self._site.caller_of(request)
        query = request.query_params
        kinds = {part.strip().lower() for part in query.get("taskType", "").split(",") if part.strip()}
        provider, text = query.get("provider", "").lower(), query.get("q", "").lower()
        models = [*self._site.operations.models(self._site.dialects.jobs.name)]
        if "chat" in kinds:
            models += self._site.operations.chats()
        found = [
            model
            for model in models
            if _has_task(model, kinds) and _is_by(model, provider) and _tells_of(model, text)
        ]
        return json_answer(success({"total": len(found), "models": found}))

    async def model(self, request: Request) -> Response:
        """GET models/{id}: one model with its input schema and price."""
        await self._site.caller_of(request)
        found = self._site.operations.model(request.path_params["model"])
        if found is None:
            raise Rejected(404, MODEL_UNKNOWN, "unknown_model", field="model")
        return json_answer(success(found))


def _has_task(model: JsonObject, kinds: set[str]) -> bool:
    tasks: list[Any] = model["taskType"]
    return not kinds or any(_plain(task) in {_plain(kind) for kind in kinds} for task in tasks)


def _plain(task: str) -> str:
    return task.lower().replace("-", " ")


def _is_by(model: JsonObject, provider: str) -> bool:
    return not provider or str(model["provider"]).lower() == provider


def _tells_of(model: JsonObject, text: str) -> bool:
    told = " ".join(str(model.get(name) or "") for name in ("model", "title", "provider", "description"))
    return text in told.lower()
