"""One task's life in this process: pick how it runs, and see that whatever goes wrong ends in a state."""

import logging
import shutil
from collections.abc import Mapping

from souk.engine.interrupt import CancelAsked, DeadlinePassed
from souk.engine.job import folder_of
from souk.engine.lease import Failure, Fenced, Lease
from souk.engine.local import run_local
from souk.engine.pace import Pace
from souk.engine.parents import parent_refs
from souk.engine.remote import CANCELLED, out_of_time, run_remote
from souk.engine.routes import Route, routes_of
from souk.engine.steps import RETURN, Return
from souk.engine.upstream import Traffic, Upstream
from souk.words import FailKind, Mode, TaskState

log = logging.getLogger("souk.engine")

RETRY_SECONDS = 5.0
"""A task whose run broke unexpectedly is claimed again after this long, until its deadline."""


async def live(lease: Lease, traffic: dict[str, Traffic], paces: dict[str, Pace]) -> None:
    """Run a claimed task until it ended or another node has it."""
    try:
        await _run(lease, traffic, paces)
    except Fenced:
        lease.log("lease lost")
        return
    except Exception:
        log.exception("task broke off", extra={"task_id": lease.id})
        await _set_aside(lease)
    if lease.ended:
        shutil.rmtree(folder_of(lease), ignore_errors=True)


async def _run(lease: Lease, traffic: dict[str, Traffic], paces: dict[str, Pace]) -> None:
    world, task = lease.world, lease.task
    model = world.catalog.find(task.model)
    routes = routes_of(model, Mode(task.mode), world.connections) if model else []
    local = _local_route(lease, routes)
    if model is not None and local is None:
        lease.parents = await parent_refs(model, task, world.reads)
    if lease.cancelled.is_set() and task.attempt_id is None:
        await lease.fail(CANCELLED)
    elif local is not None:
        await _run_here(lease, local)
    elif lease.parents and not (routes := _of_parents(lease, routes)):
        await lease.fail(_PARENTS_GONE)
    elif routes or task.ref or task.outputs or task.state in (TaskState.SUBMITTING, TaskState.REVIEW):
        await run_remote(Upstream(lease, routes, traffic, paces))
    else:
        await lease.fail(_no_route(task.model, known=model is not None))


def _local_route(lease: Lease, routes: list[Route]) -> Route | None:
    """The engine on this machine that runs the task, if one does and no upstream already has it."""
    locals_: Mapping[str, object] = lease.world.locals
    connection = lease.world.connections.get(lease.task.connection or "")
    if connection is not None and connection.provider not in locals_:
        return None
    return next((route for route in routes if route.connection.provider in locals_), None)


def _of_parents(lease: Lease, routes: list[Route]) -> list[Route]:
    """The routes on which the task's parents are known: a child runs where its parents ran."""
    return [
        route
        for route in routes
        if all(route.connection.name == parent.connection for parent in lease.parents)
    ]


async def _run_here(lease: Lease, route: Route) -> None:
    try:
        await run_local(lease, route, lease.world.locals[route.connection.provider])
    except CancelAsked:
        await lease.fail(CANCELLED, verdict="cancelled")
    except DeadlinePassed:
        await lease.fail(out_of_time(lease.task.created_at, lease.task.deadline_at), verdict="timeout")


async def _set_aside(lease: Lease) -> None:
    """Give the task back for another try soon, or end it when its time is over."""
    world = lease.world
    try:
        if lease.seconds_left > 0:
            due = world.clock.now() + int(RETRY_SECONDS * 1000)
            await world.lane.write(RETURN, Return(lease.id, world.node, lease.task.epoch, due))
        else:
            broke = "an internal error kept this task from finishing in time; nothing was charged"
            await lease.fail(Failure(FailKind.INTERNAL, broke))
    except Exception:
        # The lease ends with the node's heartbeat at the latest, and another node carries on.
        log.exception("task could not be set aside", extra={"task_id": lease.id})


_PARENTS_GONE = Failure(
    FailKind.UNSUPPORTED,
    "the tasks this one builds on ran on another connection, and only there can it run; nothing was charged",
)


def _no_route(model: str, *, known: bool) -> Failure:
    if not known:
        return Failure(FailKind.RETIRED, f"the model {model} is no longer in the catalogue")
    return Failure(FailKind.UNSUPPORTED, f"no configured connection can run {model} any more")
