"""From a draft to a create: which model, in which mode, with a checked input, a fixed price and known parents."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from souk.assets.links import own_path
from souk.catalog.catalog import Catalog
from souk.catalog.chat_describe import paths_of
from souk.catalog.media import field_of
from souk.catalog.model import Model
from souk.catalog.parents import NamedParent
from souk.catalog.quote import Quote
from souk.catalog.refusal import InputRefused
from souk.clock import Clock
from souk.engine.parents import Parent, find_parents, unknown_parent
from souk.engine.routes import is_live, routes_of
from souk.net.http import Blocked
from souk.net.policy import Policy, check_url
from souk.operations.once import once_bound
from souk.operations.types import Caller, Draft, Reason, Refusal
from souk.providers.base import Connection
from souk.settings import SandboxPolicy
from souk.store import assets
from souk.store.assets import AssetRow
from souk.store.idempotency import Bound
from souk.store.reads import Reads
from souk.words import Credits, JsonObject, Mode, TaskId

_json = msgspec.json.Encoder().encode
_sorted_json = msgspec.json.Encoder(order="sorted").encode

MOST_HOPS = 3
"""Souks a task may have passed: an own one, a company's, a provider's, and still no loop."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft that may become a task."""

    model: Model
    mode: Mode
    input: JsonObject
    quote: Quote
    hold: Credits
    warnings: tuple[str, ...]
    pins: tuple[str, ...]
    """Stored files and parent tasks the input names."""
    late_pins: tuple[str, ...]
    """Parent tasks that may be gone by the time the task exists."""


class Drafts:
    """Checks drafts against the catalogue, the configuration and what the account owns."""

    def __init__(
        self,
        catalog: Catalog,
        reads: Reads,
        clock: Clock,
        connections: Mapping[str, Connection],
        sandbox: SandboxPolicy,
        policy: Callable[[], Policy],
        public_url: str,
    ) -> None:
        self._catalog = catalog
        self._reads = reads
        self._clock = clock
        self._connections = connections
        self._sandbox = sandbox
        self._policy = policy
        self._public_url = public_url
        self._live = is_live(connections)
        """Whether something has been connected since this process began."""

    async def check(self, caller: Caller, draft: Draft) -> Checked:
        """The draft, ready to create. Raises Refusal."""
        _check_hops(caller)
        model = self.model(draft.model, draft.dialect)
        mode = self.mode_of(caller)
        if not routes_of(model, mode, self._connections):
            raise Refusal(Reason.NO_ROUTE, self._no_route(model, mode), field="model")
        try:
            checked = model.check(draft.input)
        except InputRefused as refused:
            raise Refusal(
                Reason.INVALID_INPUT,
                refused.message,
                field=refused.field,
                allowed=list(refused.allowed) or None,
            ) from refused
        self._check_addresses(draft)
        urls = model.media_urls(checked.input)
        own = await self._own_files(urls)
        parents = await self._parents(caller, mode, model, checked.input)
        pins = [*(row.id for row in own.values()), *_tasks_of(parents, late=False)]
        quote = model.quote(checked.input, _known_seconds(model, checked.input, urls, own))
        return Checked(
            model=model,
            mode=mode,
            input=checked.input,
            quote=quote,
            hold=quote.hold,
            warnings=(*draft.warnings, *checked.warnings),
            pins=tuple(dict.fromkeys(pins)),
            late_pins=tuple(dict.fromkeys(_tasks_of(parents, late=True))),
        )

    def model(self, name: str, dialect: str) -> Model:
        """The model of this id or alias, if this wire API creates it. Raises Refusal, with the nearest id."""
        model = self._catalog.find(name)
        if model is not None and model.dialect != dialect:
            raise Refusal(
                Reason.UNKNOWN_MODEL,
                f"{model.id} is not created here but through the API called {model.dialect}",
                field="model",
                elsewhere=True,
            )
        if model is None and (chat := self._catalog.find_chat(name)):
            raise Refusal(
                Reason.UNKNOWN_MODEL,
                f"{chat.id} makes no tasks, it chats: ask it at {' or '.join(paths_of(chat))}",
                field="model",
                elsewhere=True,
            )
        if model is None:
            near = self._catalog.nearest(name, dialect)
            hint = f'; the nearest is "{near}"' if near else ""
            raise Refusal(
                Reason.UNKNOWN_MODEL,
                f'there is no model "{name[:100]}"{hint}',
                field="model",
                allowed=[near] if near else None,
            )
        if model.paused:
            raise Refusal(Reason.MODEL_PAUSED, f"{model.id} is paused by the operator", field="model")
        return model

    def mode_of(self, caller: Caller) -> Mode:
        """The mode a task of this caller runs in."""
        if caller.mode is Mode.SANDBOX or self._sandbox is SandboxPolicy.ALWAYS:
            return Mode.SANDBOX
        # It stays so when the last connection goes: who had real work done gets no made-up pictures, and does not lose
        # sight of what still runs.
        self._live = self._live or is_live(self._connections)
        if self._sandbox is SandboxPolicy.AUTO and not self._live:
            return Mode.SANDBOX
        return Mode.LIVE

    def _no_route(self, model: Model, mode: Mode) -> str:
        if mode is Mode.SANDBOX:
            return "the sandbox is switched off (SOUK_SANDBOX=never)"
        from souk.providers.registry import PROVIDERS

        names = {route.provider for route in model.routes if route.usable}
        keys = [entry.key_variable for name, entry in PROVIDERS.items() if name in names]
        wanted = " or ".join(keys) or "a connection that serves it"
        return f"no configured connection can run {model.id}; set {wanted}, or use a sandbox key"

    def _check_addresses(self, draft: Draft) -> None:
        for field, url in (("callBackUrl", draft.callback_url), ("progressCallBackUrl", draft.progress_url)):
            if url is None:
                continue
            problem = _blocked(url, self._policy())
            if problem:
                raise Refusal(Reason.BLOCKED_ADDRESS, f"{field}: {problem}", field=field)

    async def _own_files(self, urls: list[tuple[str, str]]) -> dict[str, AssetRow]:
        """Our own files among the input addresses, by address. Expired ones are gone and not worth a pin."""
        paths = {url: path for _, url in urls if (path := own_path(url, self._public_url)) is not None}
        if not paths:
            return {}
        now = self._clock.now()
        found = await self._reads.run(lambda connection: assets.living(connection, paths.values(), now))
        return {url: found[path] for url, path in paths.items() if path in found}

    async def _parents(
        self, caller: Caller, mode: Mode, model: Model, input: JsonObject
    ) -> list[tuple[NamedParent, Parent]]:
        """The finished work the input builds on, as far as there is any yet.

        Raises Refusal, the same for unknown and for others' ids, where it must be known by now.
        """
        named = model.parents(input)
        if not named:
            return []
        now = self._clock.now()
        found = await self._reads.run(
            lambda connection: find_parents(connection, caller.account_id, mode.value, named, now)
        )
        for name, parent in zip(named, found, strict=True):
            if parent is None and not name.field.late:
                raise Refusal(Reason.UNKNOWN_PARENT, unknown_parent(name), field=name.path)
        return [(name, parent) for name, parent in zip(named, found, strict=True) if parent is not None]


def _tasks_of(parents: list[tuple[NamedParent, Parent]], *, late: bool) -> list[TaskId]:
    return [parent.task_id for name, parent in parents if name.field.late is late]


def _check_hops(caller: Caller) -> None:
    if caller.hops > MOST_HOPS:
        raise Refusal(
            Reason.LOOP,
            f"this task has passed {caller.hops} Souks already: one of them has itself, or one that leads back to "
            "it, as its upstream; correct the base URL of its connections",
        )


@lru_cache(maxsize=4096)
def _blocked(url: str, policy: Policy) -> str:
    """Why an address may not be called, as far as its spelling tells; empty if it may. Clients repeat theirs."""
    try:
        check_url(url, policy)
    except Blocked as blocked:
        return str(blocked)
    return ""


def bounds_of(caller: Caller, draft: Draft, mode: Mode) -> tuple[Bound, ...]:
    """The caller's own keys for this create, each with the body it stands for."""
    if draft.idempotency_key is None and draft.client_task_id is None and not draft.once:
        return ()
    body = [draft.model, draft.input, draft.callback_url, draft.progress_url, draft.client_task_id]
    digest = hashlib.sha256(_sorted_json(body)).hexdigest()
    found: list[Bound] = []
    if draft.idempotency_key is not None:
        found.append(Bound(caller.account_id, f"{draft.operation}:{mode}", draft.idempotency_key, digest))
    if draft.client_task_id is not None:
        found.append(Bound(caller.account_id, f"client:{mode}", draft.client_task_id, digest))
    if draft.once:  # last, so that a repeated call is answered with its task
        found.append(once_bound(caller.account_id, draft.operation, mode, draft.once))
    return tuple(found)


def task_row(task_id: TaskId, now: int, caller: Caller, draft: Draft, checked: Checked) -> dict[str, Any]:
    """The row of a new task."""
    return {
        "id": task_id,
        "account_id": caller.account_id,
        "key_id": caller.key_id,
        "mode": checked.mode.value,
        "dialect": draft.dialect,
        "model": checked.model.id,
        "input": _json(checked.input).decode(),
        "callback_url": draft.callback_url,
        "progress_url": draft.progress_url,
        "client_task_id": draft.client_task_id,
        "warnings": _json(checked.warnings).decode() if checked.warnings else "",
        "created_at": now,
        "deadline_at": now + int(checked.model.deadline_seconds * 1000),
        "hold": checked.hold,
        "price": _json(checked.quote).decode(),
        "pins": 1 if checked.pins or checked.late_pins else 0,
        "hops": caller.hops,
        "filled": _json(sorted(draft.filled)).decode() if draft.filled else None,
    }


def _known_seconds(
    model: Model, input: JsonObject, urls: list[tuple[str, str]], own: dict[str, AssetRow]
) -> float | None:
    """The measured length of the files in the field the output follows, when every such file is ours."""
    field = model.output_for(input).seconds_follow if own else None
    if field is None:
        return None
    named = [url for path, url in urls if field_of(path) == field_of(field)]
    lengths = [own[url].seconds_ms for url in named if url in own]
    if not lengths or len(lengths) != len(named) or any(length is None for length in lengths):
        return None
    return sum(length or 0 for length in lengths) / 1000
