"""Where a task can run: the model's routes in order, as far as their connections are configured."""

from collections.abc import Mapping
from dataclasses import dataclass

from souk.catalog.model import Model
from souk.providers.base import Connection
from souk.words import Mode

SANDBOX = "sandbox"
"""Name of the sandbox's provider and of its one connection."""
LOCAL = "local"
"""Name of the provider of work that needs no model, done on this machine, and of its one connection."""
HERE = frozenset({SANDBOX, LOCAL})
"""Providers that are always there; no operator configures them, and having them makes no installation live."""


def is_live(connections: Mapping[str, Connection]) -> bool:
    """Whether the operator has connected something."""
    return any(connection.provider not in HERE for connection in connections.values())


@dataclass(frozen=True, slots=True)
class Route:
    """A connection that can run a model, and the model's id there."""

    connection: Connection
    upstream_model: str
    resubmit_unclear: bool = False
    """Whether the operator wants a task whose submit stays unclear here to be submitted once more."""


def routes_of(model: Model, mode: Mode, connections: Mapping[str, Connection]) -> list[Route]:
    """The routes open to a task of this mode, best first. Retired routes are never taken by themselves.

    A local engine does the same work in both modes, so the sandbox only stands in for what is left.
    """
    routes = _configured(model, connections)
    if mode is Mode.LIVE:
        return routes
    sandbox = [Route(connections[SANDBOX], model.id)] if SANDBOX in connections else []
    return [*(route for route in routes if route.connection.provider == LOCAL), *sandbox]


def _configured(model: Model, connections: Mapping[str, Connection]) -> list[Route]:
    return [
        Route(connection, route.model, route.resubmit_unclear)
        for route in model.routes
        if route.usable
        for connection in connections.values()
        if connection.provider == route.provider and route.connection in ("", connection.name)
    ]
