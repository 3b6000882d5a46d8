"""Suno's tools over HTTP: creates that may be made once only, records that number a song, and calls with a way of
their own.

As in the other dedicated APIs, paths and words come from the table of dialects.
"""

from dataclasses import replace
from typing import Any

from starlette.types import Receive, Scope

from souk.api.asked import idempotency_key, query_of, wait_of, while_connected
from souk.api.site import HeaderMap, HotHandler, HotRoutes, Site
from souk.dialects.dedicated import Create
from souk.dialects.envelope import Reworded
from souk.dialects.jobs import asked_task
from souk.dialects.suno import voice
from souk.dialects.suno.direct import WAIT_SECONDS, Direct
from souk.dialects.suno.tool import RECORD_UNKNOWN, Tool
from souk.logs import request_id
from souk.operations.operations import unknown_task
from souk.operations.records import Record
from souk.operations.types import Caller, Created, Draft, Reason, Refusal
from souk.words import JsonObject


class SunoToolRoutes:
    """Handlers of every tool, as hot routes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._operations = site.operations
        self._phrases, self._voices = site.dialects.voice_phrase, site.dialects.voice
        self.hot: HotRoutes = {
            **{path: entry for tool in site.dialects.song_tools for path, entry in self._of(tool).items()},
            voice.REGENERATE.path: ("POST", self.regenerate),
            voice.CHECK_PATH: ("POST", self.check),
            **{call.path: ("POST", self._at_once(call)) for call in site.dialects.omni},
        }

    def _of(self, tool: Tool) -> dict[str, tuple[str, HotHandler]]:
        found = {create.path: ("POST", self._create(tool, create)) for create in tool.creates}
        return {**found, tool.record_path: ("GET", self._record(tool))}

    def _create(self, tool: Tool, create: Create) -> HotHandler:
        async def handler(scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
            caller, body = await self._asked(scope, headers, receive)
            draft = self._parsed(tool, create, body, headers)
            return tool.created(await self._created(tool, caller, draft))

        return handler

    def _record(self, tool: Tool) -> HotHandler:
        async def handler(scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
            caller = await self._site.caller(scope, headers)
            query = query_of(scope)
            task_id, wait = asked_task(query), wait_of(query)
            asked = self._operations.record(caller, task_id, dialect=tool.name, wait=wait)
            record = await (while_connected(asked, receive) if wait else asked)
            if record is None:
                await self._operations.refuse_elsewhere(caller, task_id, tool.name)
                raise unknown_task()
            return tool.record_of(record, await self._number(caller, tool, record))

        return handler

    async def regenerate(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """POST voice/regenerate: another phrase for the same recording, by a task of its own."""
        caller, body = await self._asked(scope, headers, receive)
        earlier = await self._earlier(caller, self._phrases, _named(body, "taskId"))
        draft = self._phrases.again(earlier, body, idempotency_key(headers))
        return self._phrases.created(await self._created(self._phrases, caller, draft))

    async def check(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """POST voice/check-voice: whether a voice can be used."""
        caller, body = await self._asked(scope, headers, receive)
        record = await self._operations.record(caller, _named(body, "task_id"), dialect=self._voices.name)
        if record is None:
            raise unknown_task()
        return self._voices.available(record)

    def _at_once(self, call: Direct) -> HotHandler:
        """A create that answers with what it made."""

        async def handler(scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
            caller, body = await self._asked(scope, headers, receive)
            wait = wait_of(query_of(scope), WAIT_SECONDS)
            created = await self._operations.create(caller, call.parse(body, idempotency_key(headers)))
            asked = self._operations.record(caller, created.task_id, wait=wait)
            record = await while_connected(asked, receive)
            if record is None:
                raise unknown_task()
            return call.answer(record, request_id.get())

        return handler

    async def _asked(self, scope: Scope, headers: HeaderMap, receive: Receive) -> tuple[Caller, JsonObject]:
        caller = await self._site.caller(scope, headers)
        return caller, await self._site.json_body(headers, receive)

    def _parsed(self, tool: Tool, create: Create, body: JsonObject, headers: HeaderMap) -> Draft:
        try:
            return tool.parse(create, body, idempotency_key(headers))
        except Refusal as refusal:
            self._site.meters.create(refusal.reason.value)
            raise

    async def _created(self, tool: Tool, caller: Caller, draft: Draft) -> Created:
        """A new task, or a refusal in the tool's words."""
        if parent := tool.parent(draft):
            dialect, task_id = parent
            record = await self._operations.record(caller, task_id, dialect=dialect)
            draft = tool.completed(draft, record) if record else draft
        try:
            return await self._once(tool, caller, draft)
        except Reworded:
            raise
        except Refusal as refusal:
            raise tool.reworded(refusal) from refusal

    async def _once(self, tool: Tool, caller: Caller, draft: Draft) -> Created:
        """The one task for what the draft is about, where there may be only one."""
        subject = tool.subject(draft)
        if not subject:
            return await self._operations.create(caller, draft)
        key, known = await self._operations.standing(caller, draft.operation, subject)
        try:
            return await self._operations.create(caller, replace(draft, once=key))
        except Refusal as refusal:
            if refusal.reason is not Reason.CONFLICT:
                raise
            if known is None:  # another call was quicker
                _, known = await self._operations.standing(caller, draft.operation, subject)
            raise (tool.repeated(known) if known else refusal) from refusal

    async def _earlier(self, caller: Caller, tool: Tool, task_id: str) -> Record:
        record = await self._operations.record(caller, task_id, dialect=tool.name)
        if record is None:
            refusal = Refusal(Reason.UNKNOWN_PARENT, "taskId names no task of this account", field="taskId")
            raise Reworded(refusal, RECORD_UNKNOWN)
        return record

    async def _number(self, caller: Caller, tool: Tool, record: Record) -> int:
        """Which of its task's songs a record is about; 0 once the song is gone."""
        song = tool.song(record)
        piece = await self._operations.piece(caller, song) if song else None
        return piece.number if piece else 0


def _named(body: JsonObject, field: str) -> str:
    """The task a body names. Raises Refusal."""
    value: Any = body.get(field)
    if isinstance(value, str) and value:
        return value
    wrong = "is required" if value in (None, "") else "must be a text"
    raise Refusal(Reason.INVALID_INPUT, f"{field} {wrong}", field=field)
