"""Suno's calls that answer with their result: each makes a task, waits for it and shows what it made."""

from dataclasses import replace

from starlette.types import Receive, Scope

from souk.api.asked import idempotency_key, query_of, wait_of, while_connected
from souk.api.site import HeaderMap, HotRoutes, Site
from souk.dialects.envelope import Reworded
from souk.dialects.suno import timed_lyrics
from souk.dialects.suno.direct import WAIT_SECONDS
from souk.dialects.suno.persona import taken
from souk.logs import request_id
from souk.operations.operations import unknown_task
from souk.operations.records import Record
from souk.operations.types import Caller, Draft, Reason, Refusal
from souk.words import JsonObject


class SunoRoutes:
    """Style, persona and timed lyrics, as hot routes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._operations = site.operations
        self._dialects = site.dialects
        self.hot: HotRoutes = {
            self._dialects.style.path: ("POST", self.style),
            self._dialects.persona.path: ("POST", self.persona),
            self._dialects.timed_lyrics.path: ("POST", self.timed_lyrics),
        }

    async def style(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """POST style/generate: every call is a task of its own, unless it repeats its Idempotency-Key."""
        caller, body = await self._asked(scope, headers, receive)
        draft = self._dialects.style.parse(body, idempotency_key(headers))
        created = await self._operations.create(caller, draft)
        record = await self._awaited(caller, created.task_id, scope, receive)
        return self._dialects.style.balanced(record, await self._operations.balance(caller), request_id.get())

    async def persona(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """POST generate-persona: once for each track, but for tries that failed."""
        caller, body = await self._asked(scope, headers, receive)
        key = idempotency_key(headers)
        draft = self._dialects.persona.parse(body, key)
        once, known = await self._operations.standing(caller, draft.operation, _text(body, "audioId"))
        repeats = key and await self._operations.made_by(caller, draft.operation, key)
        if known is not None and not repeats:
            raise taken(await self._operations.record(caller, known))
        try:
            created = await self._operations.create(caller, replace(draft, once=once))
        except Refusal as refusal:
            raise (taken(None) if refusal.reason is Reason.CONFLICT else refusal) from refusal
        record = await self._awaited(caller, created.task_id, scope, receive)
        return self._dialects.persona.answer(record, request_id.get())

    async def timed_lyrics(self, scope: Scope, headers: HeaderMap, receive: Receive) -> bytes:
        """POST get-timestamped-lyrics: read off the track once, then answered from what was read."""
        caller, body = await self._asked(scope, headers, receive)
        draft = self._dialects.timed_lyrics.parse(body)
        task_id = await self._once(caller, draft, f"{_text(body, 'taskId')}:{_text(body, 'audioId')}")
        record = await self._awaited(caller, task_id, scope, receive)
        return self._dialects.timed_lyrics.answer(record, request_id.get())

    async def _once(self, caller: Caller, draft: Draft, track: str) -> str:
        """The task that reads off a track, made by this call or an earlier one. Raises Refusal."""
        once, known = await self._operations.standing(caller, draft.operation, track)
        try:
            return known or (await self._operations.create(caller, replace(draft, once=once))).task_id
        except Refusal as refusal:
            if refusal.reason is Reason.UNKNOWN_PARENT:
                raise Reworded(refusal, timed_lyrics.UNKNOWN) from refusal
            if refusal.reason is Reason.CONFLICT:  # another call came between, and its task will do
                return await self._once(caller, draft, track)
            raise

    async def _asked(self, scope: Scope, headers: HeaderMap, receive: Receive) -> tuple[Caller, JsonObject]:
        caller = await self._site.caller(scope, headers)
        return caller, await self._site.json_body(headers, receive)

    async def _awaited(self, caller: Caller, task_id: str, scope: Scope, receive: Receive) -> Record:
        wait = wait_of(query_of(scope), WAIT_SECONDS)
        record = await while_connected(self._operations.record(caller, task_id, wait=wait), receive)
        if record is None:
            raise unknown_task()
        return record


def _text(body: JsonObject, name: str) -> str:
    """A field as part of a key; what is no text the schema refuses."""
    return str(body.get(name))[:100]
