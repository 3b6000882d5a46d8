"""The Jobs API over HTTP: create and record as hot handlers, and what Souk adds around them."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from souk.api.answers import json_answer
from souk.api.asked import idempotency_key, query_of, wait_of, while_connected
from souk.api.events import event_stream
from souk.api.site import HeaderMap, HotRoutes, Site
from souk.dialects.envelope import Rejected, success
from souk.dialects.jobs import asked_task, wire_credits
from souk.operations.operations import is_task_id, unknown_task
from souk.operations.records import Record
from souk.operations.types import Reason, Refusal

MOST_LISTED: Final = 100
CALLS: Final = "/api/v1/jobs/"
FIRST_CALLS: Final = "/api/v1/playground/"
"""Where the market had its create and record calls in 2025; clients written then still ask there."""
STATES: Final = ("waiting", "queuing", "generating", "success", "fail")


class JobRoutes:
    """Handlers of ``/api/v1/jobs/…``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._operations = site.operations
        self._dialect = site.dialects.jobs
        self.hot: HotRoutes = {
            CALLS + "createTask": ("POST", self.create),
            CALLS + "recordInfo": ("GET", self.record),
            FIRST_CALLS + "createTask": ("POST", self.create),
            FIRST_CALLS + "recordInfo": ("GET", self.record),
        }
        self.routes = [
            Route("/api/v1/jobs/estimate", self.estimate, methods=["POST"]),
            Route("/api/v1/jobs/list", self.list, methods=["GET"]),
            Route("/api/v1/jobs/cancelTask", self.cancel, methods=["POST"]),
            Route("/api/v1/jobs/keepTask", self.keep, methods=["POST"]),
            Route("/api/v1/jobs/deleteTask", self.delete, methods=["POST"]),
            Route("/api/v1/jobs/{task_id}/events", self.events, methods=["GET"]),
        ]

    async def create(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """POST createTask: 200 means the task exists, whatever happens next."""
        try:
            caller = await self._site.caller(scope, headers)
            body = await self._site.json_body(headers, receive)
            draft = self._dialect.parse(body, idempotency_key(headers))
        except Refusal as refusal:
            self._site.meters.create(refusal.reason.value)
            raise
        return self._dialect.created(await self._operations.create(caller, draft))

    async def record(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """GET recordInfo; ``wait`` holds the answer back until the task ends, for at most so many seconds."""
        caller = await self._site.caller(scope, headers)
        query = query_of(scope)
        task_id, wait = asked_task(query), wait_of(query)
        asked = self._operations.record(caller, task_id, dialect=self._dialect.name, wait=wait)
        record = await (while_connected(asked, receive) if wait else asked)
        if record is None:
            await self._operations.refuse_elsewhere(caller, task_id, self._dialect.name)
            raise unknown_task()
        return self._dialect.record(record)

    async def estimate(self, request: Request) -> Response:
        """POST estimate: what a create would hold, without creating anything."""
        caller = await self._site.caller_of(request)
        estimate = await self._operations.estimate(
            caller, self._dialect.parse(await self._site.json_of(request))
        )
        data: dict[str, Any] = {
            "model": estimate.model,
            "credits": wire_credits(estimate.hold),
            "estimated": estimate.estimated,
            "mode": estimate.mode,
        }
        if estimate.warnings:
            data["warnings"] = estimate.warnings
        return json_answer(success(data))

    async def list(self, request: Request) -> Response:
        """GET list: the caller's tasks, newest first; ``before`` continues where a page ended."""
        caller = await self._site.caller_of(request)
        query = request.query_params
        limit = _limit(query.get("limit"))
        state, before = query.get("state"), query.get("before")
        if state is not None and state not in STATES:
            raise _invalid("state", f"state must be one of {', '.join(STATES)}", list(STATES))
        if before is not None and not is_task_id(before):
            raise _invalid("before", "before must be the id of a task")
        model = query.get("model")
        if model is not None and not model.isprintable():
            raise _invalid("model", "model must be the id of a model")
        page = await self._operations.list(caller, limit=limit, before=before, state=state, model=model)
        data = {"tasks": [self._dialect.data(record) for record in page.records], "next": page.next}
        return json_answer(success(data))

    async def cancel(self, request: Request) -> Response:
        """POST cancelTask: ``cancelled``, ``requested`` (follow the record) or ``too_late`` (it runs on)."""
        caller = await self._site.caller_of(request)
        task_id = _body_task_id(await self._site.json_of(request))
        answer = await self._operations.cancel(caller, task_id)
        return json_answer(success({"taskId": task_id, "cancel": answer.value}))

    async def keep(self, request: Request) -> Response:
        """POST keepTask: hold a task's files back from retention, or with ``keep: false`` no longer."""
        caller = await self._site.caller_of(request)
        body = await self._site.json_of(request)
        task_id = _body_task_id(body)
        keep = body.get("keep", True)
        if not isinstance(keep, bool):
            raise _invalid("keep", "keep must be true or false", [True, False])
        await self._operations.keep(caller, task_id, keep)
        return json_answer(success({"taskId": task_id, "keep": keep}))

    async def delete(self, request: Request) -> Response:
        """POST deleteTask: remove a finished task's record and files now."""
        caller = await self._site.caller_of(request)
        task_id = _body_task_id(await self._site.json_of(request))
        await self._operations.delete(caller, task_id)
        return json_answer(success({"taskId": task_id, "deleted": True}))

    async def events(self, request: Request) -> Response:
        """GET {id}/events: the record at every change, as server-sent events, until the task has ended."""
        caller = await self._site.caller_of(request)
        task_id = request.path_params["task_id"]
        records = self._operations.events(caller, task_id)
        first: Record | None = await anext(records, None)
        if first is None:
            raise unknown_task()
        return event_stream(first, records, self._dialect.data)


def _body_task_id(body: Mapping[str, Any]) -> str:
    task_id = body.get("taskId")
    if task_id is None or task_id == "":
        raise Rejected(400, "taskId parameter is required", "missing_parameter", field="taskId")
    if not isinstance(task_id, str):
        raise _invalid("taskId", "taskId must be a text")
    return task_id


def _limit(given: str | None) -> int:
    if given is None:
        return 20
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= MOST_LISTED:
        raise _invalid("limit", f"limit must be a whole number from 1 to {MOST_LISTED}")
    return int(given)


def _invalid(field: str, message: str, allowed: list[Any] | None = None) -> Refusal:
    return Refusal(Reason.INVALID_INPUT, message, field=field, allowed=allowed)
