"""One task's life in this process: pick how it runs, and see that whatever goes wrong ends in a state."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from functools import partial

from souk.engine.failure import Failure
from souk.engine.job import ModelGone
from souk.engine.lease import Fenced, Lease
from souk.engine.open_routes import NoRoute, why_none
from souk.engine.parents import ParentUnknown, parent_refs
from souk.engine.roads import Roads
from souk.engine.states import CANCELLED, run
from souk.engine.steps import RETURN, Return
from souk.engine.upstream import ConnectionGone, Upstream
from souk.words import FailKind, TaskState

log = logging.getLogger("souk.engine")

RETRY_SECONDS = 5.0
MOST_RETRY_SECONDS = 60.0
"""A task whose run broke off is claimed again after a tenth of its age, but not sooner or later than these."""
ROUTE_SECONDS = 60.0
"""A task that no connection here can run waits so long for one, from its create and from when connections last came or
went: souk.yaml does not reach all processes at one moment, and another may run it already."""
ROUTE_RETRY_SECONDS = 0.5
"""Until such a task is looked at again, or a tenth of its age."""


async def live(lease: Lease, roads: Roads) -> None:
    """Run a claimed task until it ended or another node has it."""
    try:
        upstream = await _begun_on(lease, roads)
        if upstream is not None:
            await run(upstream)
    except Fenced:
        lease.log("lease lost")
        return
    except NoRoute as none:
        await _until_done(lease, partial(_end_or_wait, lease, roads, none.failure))
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
    """The task on the routes it may take; None if it ended before it took one. Raises NoRoute."""
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
    upstream = Upstream(lease, roads)
    if not upstream.routes and not _begun(lease):
        raise why_none(lease)
    return upstream


def _begun(lease: Lease) -> bool:
    """Whether an upstream has the task, or may have it."""
    task = lease.task
    return bool(task.ref or task.outputs) or lease.state in (TaskState.SUBMITTING, TaskState.REVIEW)


async def _set_aside(lease: Lease, why: str) -> None:
    """Let the task be tried again soon, or end it when its time is over: ``why`` is for its owner."""
    await _until_done(lease, partial(_give_back, lease, Failure(FailKind.INTERNAL, why), RETRY_SECONDS))


async def _until_done(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
    """Try what gives the task back or ends it as often as that takes: else its lease lasts as long as this process."""
    while True:
        try:
            await work()
        except Fenced:
            lease.log("lease lost")
        except Exception:
            log.exception("task could not be set aside", extra={"task_id": lease.id})
            await lease.world.clock.sleep(RETRY_SECONDS)
            continue
        return


async def _end_or_wait(lease: Lease, roads: Roads, failure: Failure) -> None:
    """What becomes of a task that nobody here can run."""
    if lease.cancelled.is_set():
        await lease.fail(CANCELLED)
    elif min(_age(lease), roads.settled_for) < ROUTE_SECONDS:
        lease.log("task waits for a connection", reason=failure.message)
        await _give_back(lease, failure, ROUTE_RETRY_SECONDS)
    else:
        await lease.fail(failure)


async def _give_back(lease: Lease, failure: Failure, soonest: float) -> None:
    world = lease.world
    if lease.seconds_left <= 0:
        await lease.fail(failure)
        return
    wait = min(MOST_RETRY_SECONDS, max(soonest, _age(lease) / 10))
    due = world.clock.now() + int(wait * 1000)
    await world.lane.write(RETURN, Return(lease.id, world.node, lease.task.epoch, due))


def _age(lease: Lease) -> float:
    """Seconds since the task was created."""
    return (lease.world.clock.now() - lease.task.created_at) / 1000


_BROKE_OFF = "an internal error kept this task from finishing in time; nothing was charged"
