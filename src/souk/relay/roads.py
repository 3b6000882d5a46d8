"""Where a chat model can be asked: its routes as far as their connections are configured, or the sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from souk.catalog.catalog import Catalog
from souk.catalog.chat import ChatModel
from souk.net.streaming import StreamingHttp
from souk.operations.types import Reason, Refusal
from souk.providers.base import Connection
from souk.providers.registry import PROVIDERS
from souk.relay.http_upstream import HttpUpstream
from souk.relay.protocols.protocol import ChatProtocol
from souk.relay.upstream import Upstream
from souk.words import Mode

SANDBOX: Final = "sandbox"
_SANDBOX: Final = Connection(name=SANDBOX, provider=SANDBOX)


@dataclass(frozen=True, slots=True)
class Road:
    """One way to an answer."""

    connection: Connection
    upstream: Upstream

    @property
    def name(self) -> str:
        return self.connection.name


class Roads:
    """Every way to every chat model. Kept, once made, as long as the catalogue stays as it is."""

    def __init__(
        self,
        catalog: Catalog,
        connections: Mapping[str, Connection],
        http: StreamingHttp,
        sandbox: Upstream | None,
    ) -> None:
        """``sandbox`` is None where it is switched off."""
        self._catalog = catalog
        self._connections = connections
        self._http = http
        self._sandbox = sandbox
        self._known: dict[tuple[str, str, Mode], tuple[Road, ...]] = {}
        self._edition = catalog.edition

    def model(self, name: str, protocol: ChatProtocol) -> ChatModel:
        """The model of this id or alias, if it speaks the protocol. Raises Refusal, with what would be right."""
        if not name:
            raise Refusal(Reason.INVALID_INPUT, "model is required: name one of /v1/models", field="model")
        model = self._catalog.find_chat(name)
        if model is None:
            raise Refusal(Reason.UNKNOWN_MODEL, self._unknown(name, protocol), field="model")
        if protocol.name not in model.protocols:
            spoken = ", ".join(model.protocols)
            raise Refusal(
                Reason.UNKNOWN_MODEL,
                f"{model.id} is not offered in the protocol {protocol.name}, but in {spoken}",
                field="model",
            )
        if model.paused:
            raise Refusal(Reason.MODEL_PAUSED, f"{model.id} is paused by the operator", field="model")
        return model

    def of(self, model: ChatModel, protocol: ChatProtocol, mode: Mode) -> tuple[Road, ...]:
        """The ways to ask it, best first. Raises Refusal when there is none, naming what would make one."""
        if self._edition != self._catalog.edition:
            self._edition = self._catalog.edition
            self._known.clear()
        key = (model.id, protocol.name, mode)
        roads = self._known.get(key)
        if roads is None:
            roads = self._known[key] = self._roads(model, protocol, mode)
        if not roads:
            raise Refusal(Reason.NO_ROUTE, _no_road(model, protocol, mode), field="model")
        return roads

    def _roads(self, model: ChatModel, protocol: ChatProtocol, mode: Mode) -> tuple[Road, ...]:
        if mode is Mode.SANDBOX:
            return (Road(_SANDBOX, self._sandbox),) if self._sandbox else ()
        return tuple(
            Road(connection, HttpUpstream(connection, speech, route.model, self._http))
            for route in model.routes
            if route.usable and route.provider in PROVIDERS
            for connection in self._connections.values()
            if connection.provider == route.provider and route.connection in ("", connection.name)
            if (speech := PROVIDERS[route.provider].speaks.get(protocol.name)) is not None
        )

    def _unknown(self, name: str, protocol: ChatProtocol) -> str:
        if task := self._catalog.find(name):
            return f"{task.id} does not chat; it makes tasks, through /api/v1/jobs/createTask or its own API"
        near = self._catalog.nearest_chat(name, protocol.name)
        hint = f'; the nearest is "{near}"' if near else "; /v1/models lists them"
        return f'there is no chat model "{name[:100]}"{hint}'


def _no_road(model: ChatModel, protocol: ChatProtocol, mode: Mode) -> str:
    if mode is Mode.SANDBOX:
        return "the sandbox is switched off (SOUK_SANDBOX=never)"
    names = dict.fromkeys(route.provider for route in model.routes if route.usable)
    entries = [PROVIDERS[name] for name in names if name in PROVIDERS]
    able = [entry for entry in entries if protocol.name in entry.speaks]
    keys = [entry.key_variable if entry.base_url else entry.base_url_variable for entry in able]
    wanted = " or ".join(keys) or "a connection that serves it in souk.yaml"
    return (
        f"no configured connection serves {model.id} in the protocol {protocol.name}; set {wanted}, "
        "or use a sandbox key"
    )
