"""One task's life in this process: pick how it runs, and see that whatever goes wrong ends in a state."""

import asyncio
import logging
import shutil

from souk.engine.job import ModelGone
from souk.engine.lease import Failure, Fenced, Lease
from souk.engine.parents import ParentUnknown, parent_refs
from souk.engine.routes import Route, routes_of
from souk.engine.states import CANCELLED, run
from souk.engine.steps import RETURN, Return
from souk.engine.upstream import ConnectionGone, Roads, Upstream
from souk.words import FailKind, Mode, TaskState

log = logging.getLogger("souk.engine")

RETRY_SECONDS = 5.0
MOST_RETRY_SECONDS = 60.0
"""A task whose run broke off is claimed again after a tenth of its age, but not sooner or later than these."""


async def live(lease: Lease, roads: Roads) -> None:
    """Run a claimed task until it ended or another node has it."""
    try:
        upstream = await _begun_on(lease, roads)
        if upstream is not None:
            await run(upstream)
    except Fenced:
        lease.log("lease lost")
        return
    except (ConnectionGone, ModelGone) as gone:
        # The operator may bring it back, and what runs upstream is paid for.
        log.warning("task waits for its configuration", extra={"task_id": lease.id, "reason": str(gone)})
        await _set_aside(lease, f"{gone}, so nobody could ask how this task went; nothing was charged")
    except asyncio.CancelledError:
        if _asked_to_stop():
            raise
        log.exception("task broke off", extra={"task_id": lease.id})
        await _set_aside(lease, _BROKE_OFF)
    except Exception:
        log.exception("task broke off", extra={"task_id": lease.id})
        await _set_aside(lease, _BROKE_OFF)
    if lease.ended and lease.foldered:
        shutil.rmtree(lease.folder(), ignore_errors=True)


def _asked_to_stop() -> bool:
    """Whether the engine cancelled this life; a cancelled future of someone else's looks the same to it."""
    life = asyncio.current_task()
    return life is not None and life.cancelling() > 0


async def _begun_on(lease: Lease, roads: Roads) -> Upstream | None:
    """The task on the routes it may take; None if it ended for want of one."""
    world, task = lease.world, lease.task
    model = world.catalog.find(task.model)
    if lease.cancelled.is_set() and task.attempt_id is None:
        await lease.fail(CANCELLED)
        return None
    try:
        lease.parents = await parent_refs(model, task, lease.input, world.reads) if model else ()
    except ParentUnknown as unknown:
        await lease.fail(Failure(FailKind.BAD_INPUT, str(unknown)))
        return None
    every = routes_of(model, Mode(task.mode), world.connections) if model else []
    routes = _of_parents(lease, every)
    if routes or _begun(lease):
        return Upstream(lease, routes, roads)
    await lease.fail(_PARENTS_GONE if every else _no_route(task.model, known=model is not None))
    return None


def _begun(lease: Lease) -> bool:
    """Whether an upstream has the task, or may have it."""
    task = lease.task
    return bool(task.ref or task.outputs) or lease.state in (TaskState.SUBMITTING, TaskState.REVIEW)


def _of_parents(lease: Lease, routes: list[Route]) -> list[Route]:
    """The routes on which the task's parents are known: where they ran, or on this machine, which has their files."""
    return [
        route
        for route in routes
        if route.connection.provider in lease.world.locals
        or all(route.connection.name == parent.connection for parent in lease.parents)
    ]


async def _set_aside(lease: Lease, why: str) -> None:
    """Give the task back, however often that takes: a lease nobody gives back lasts as long as this process."""
    while True:
        try:
            await _give_back(lease, why)
        except Fenced:
            lease.log("lease lost")
        except Exception:
            log.exception("task could not be set aside", extra={"task_id": lease.id})
            await lease.world.clock.sleep(RETRY_SECONDS)
            continue
        return


async def _give_back(lease: Lease, why: str) -> None:
    """Let the task be tried again soon, or end it when its time is over: ``why`` is for its owner."""
    world = lease.world
    if lease.seconds_left <= 0:
        await lease.fail(Failure(FailKind.INTERNAL, why))
        return
    now = world.clock.now()
    age = (now - lease.task.created_at) / 1000
    wait = min(MOST_RETRY_SECONDS, max(RETRY_SECONDS, age / 10))
    due = now + int(wait * 1000)
    await world.lane.write(RETURN, Return(lease.id, world.node, lease.task.epoch, due))


_BROKE_OFF = "an internal error kept this task from finishing in time; nothing was charged"
_PARENTS_GONE = Failure(
    FailKind.UNSUPPORTED,
    "the tasks this one builds on ran on another connection, and only there can it run; nothing was charged",
)


def _no_route(model: str, *, known: bool) -> Failure:
    if not known:
        return Failure(FailKind.RETIRED, f"the model {model} is no longer in the catalogue")
    return Failure(FailKind.UNSUPPORTED, f"no configured connection can run {model} any more")
