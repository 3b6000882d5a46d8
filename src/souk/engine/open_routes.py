"""The routes that are open to a task as things stand, and why there may be none."""

from souk.engine.failure import Failure
from souk.engine.lease import Lease
from souk.engine.routes import Route, routes_of
from souk.words import FailKind, Mode


class NoRoute(Exception):
    """No connection of this process can run the task; ``failure`` says why, in words for its owner."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def open_routes(lease: Lease) -> list[Route]:
    """The routes, best first. Where the task builds on others: those on which they are known."""
    return _of_parents(lease, _every(lease))


def why_none(lease: Lease) -> NoRoute:
    """Why no route is open."""
    if lease.world.catalog.find(lease.task.model) is None:
        gone = f"the model {lease.task.model} is no longer in the catalogue"
        return NoRoute(Failure(FailKind.RETIRED, gone))
    if _every(lease):
        return NoRoute(_PARENTS_GONE)
    missing = f"no configured connection can run {lease.task.model} any more"
    return NoRoute(Failure(FailKind.UNSUPPORTED, missing))


def _every(lease: Lease) -> list[Route]:
    model = lease.world.catalog.find(lease.task.model)
    return routes_of(model, Mode(lease.task.mode), lease.world.connections) if model else []


def _of_parents(lease: Lease, routes: list[Route]) -> list[Route]:
    """The routes on which the task's parents are known: where they ran, or on this machine, which has their files."""
    return [
        route
        for route in routes
        if route.connection.provider in lease.world.locals
        or all(route.connection.answers_for(parent.connection, parent.provider) for parent in lease.parents)
    ]


_PARENTS_GONE = Failure(
    FailKind.UNSUPPORTED,
    "the tasks this one builds on ran on another connection, and only there can it run; nothing was charged",
)
