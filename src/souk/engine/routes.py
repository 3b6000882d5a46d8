"""Where a task can run: the model's routes in order, as far as their connections are configured."""

from collections.abc import Mapping
from dataclasses import dataclass

from souk.catalog.model import Model
from souk.providers.base import Connection
from souk.words import Mode

SANDBOX = "sandbox"
"""Name of the sandbox's provider and of its one connection."""


@dataclass(frozen=True, slots=True)
class Route:
    """A connection that can run a model, and the model's id there."""

    connection: Connection
    upstream_model: str
    resubmit_unclear: bool = False
    """Whether the operator wants a task whose submit stays unclear here to be submitted once more."""


def routes_of(model: Model, mode: Mode, connections: Mapping[str, Connection]) -> list[Route]:
    """The routes open to a task of this mode, best first. Retired routes are never taken by themselves."""
    if mode is Mode.SANDBOX:
        return [Route(connections[SANDBOX], model.id)] if SANDBOX in connections else []
    return [
        Route(connection, route.model, route.resubmit_unclear)
        for route in model.routes
        if route.usable
        for connection in connections.values()
        if connection.provider == route.provider and route.connection in ("", connection.name)
    ]
