"""The dedicated image and video APIs over HTTP: the same two handlers for every family, and what some have beside.

Paths come from the table of dialects. A create or a record of any of them is the same operation.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from souk.api.answers import json_answer
from souk.api.asked import idempotency_key, query_of, wait_of, while_connected
from souk.api.site import HeaderMap, HotHandler, HotRoutes, Site
from souk.dialects import gpt4o_image, veo
from souk.dialects.dedicated import Create, Dedicated
from souk.dialects.envelope import Rejected, success
from souk.dialects.jobs import asked_task
from souk.logs import request_id
from souk.operations.operations import unknown_task
from souk.operations.records import Record
from souk.operations.types import Caller, Draft, Reason, Refusal


class DedicatedRoutes:
    """Handlers of the creates and records of every family, as hot routes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._operations = site.operations
        self.hot: HotRoutes = {
            path: entry for family in site.dialects.dedicated for path, entry in self._of(family).items()
        }
        self.routes = [
            Route(gpt4o_image.DOWNLOAD_PATH, self.download_url, methods=["POST"]),
            Route(veo.FULL_HD.path, self.full_hd, methods=["GET"]),
            Route(veo.ULTRA_HD.path, self.ultra_hd, methods=["POST"]),
        ]

    def _of(self, family: Dedicated) -> dict[str, tuple[str, HotHandler]]:
        found = {create.path: ("POST", self._create(family, create)) for create in family.creates}
        return {**found, family.record_path: ("GET", self._record(family))}

    def _create(self, family: Dedicated, create: Create) -> HotHandler:
        async def handler(scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
            try:
                caller = await self._site.caller(scope, headers)
                body = await self._site.json_body(headers, receive)
                draft = family.parse(create, body, idempotency_key(headers))
            except Refusal as refusal:
                self._site.meters.create(refusal.reason.value)
                raise
            return family.created(await self._operations.create(caller, draft))

        return handler

    def _record(self, family: Dedicated) -> HotHandler:
        async def handler(scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
            caller = await self._site.caller(scope, headers)
            query = query_of(scope)
            task_id, wait = asked_task(query), wait_of(query)
            asked = self._operations.record(
                caller, task_id, dialect=family.name, wait=wait, stages=family.staged
            )
            record = await (while_connected(asked, receive) if wait else asked)
            if record is None:
                await self._operations.refuse_elsewhere(caller, task_id, family.name)
                return family.missing()
            return family.record(record)

        return handler

    async def download_url(self, request: Request) -> Response:
        """POST gpt4o-image/download-url: the direct link of a finished task's picture."""
        caller = await self._site.caller_of(request)
        body = await self._site.json_of(request)
        task_id, url = asked_task(_texts(body, "taskId")), _texts(body, "url")["url"]
        if not url:
            raise Refusal(Reason.INVALID_INPUT, "url is required", field="url")
        dialect = self._site.dialects.gpt4o_image
        record = await self._operations.record(caller, task_id, dialect=dialect.name)
        link = gpt4o_image.downloadable(record, url)
        if not await self._operations.serves(link):
            raise Rejected(422, gpt4o_image.LAPSED, "expired", field="url")
        return json_answer(success(link))

    async def full_hd(self, request: Request) -> Response:
        """GET veo/get-1080p-video: the finer copy, begun by the first call for it."""
        caller = await self._site.caller_of(request)
        query = dict(request.query_params)
        wait = wait_of(query)
        asked_task(query)
        given = {name: query[name] for name in ("taskId", "index") if name in query}
        record, _ = await self._upgraded(caller, self._site.dialects.veo.upgrade(veo.FULL_HD, given), wait)
        return json_answer(self._site.dialects.veo.finer(record, request_id.get()))

    async def ultra_hd(self, request: Request) -> Response:
        """POST veo/get-4k-video: begin the finest copy, or say how far it is."""
        caller = await self._site.caller_of(request)
        body = await self._site.json_of(request)
        asked_task(_texts(body, "taskId"))
        record, fresh = await self._upgraded(
            caller, self._site.dialects.veo.upgrade(veo.ULTRA_HD, body), wait_of(request.query_params)
        )
        return json_answer(self._site.dialects.veo.finest(record, fresh, request_id.get()))

    async def _upgraded(self, caller: Caller, draft: Draft, wait: float) -> tuple[Record, bool]:
        """The one task that makes this finer copy, and whether this call began it. Raises Refusal."""
        known = await self._operations.made_by(caller, draft.operation, draft.idempotency_key or "")
        if known is not None:
            task_id, fresh = known.task_id, False
        else:
            created = await self._operations.create(caller, draft)
            task_id, fresh = created.task_id, not created.replayed
        record = await self._operations.record(caller, task_id, wait=wait)
        if record is None:
            raise unknown_task()
        return record, fresh


def _texts(body: Mapping[str, Any], name: str) -> dict[str, str]:
    """One field of a body, as a query would hold it. Raises Refusal."""
    value = body.get(name)
    if value is None:
        return {name: ""}
    if not isinstance(value, str):
        raise Refusal(Reason.INVALID_INPUT, f"{name} must be a text", field=name)
    return {name: value}
