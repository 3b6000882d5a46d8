"""Running a task: one handler per state, each ending with a written step to the next."""

from collections.abc import Awaitable, Callable, Mapping

from souk.engine.failure import Failure
from souk.engine.interrupt import CancelAsked, DeadlinePassed
from souk.engine.local import run_again
from souk.engine.polling import poll
from souk.engine.reviewing import found_submitting, review
from souk.engine.storing import store
from souk.engine.submitting import submit
from souk.engine.upstream import Upstream
from souk.store.tasks import TaskRow
from souk.words import FailKind, TaskState

_HANDLERS: Mapping[TaskState, Callable[[Upstream], Awaitable[None]]] = {
    TaskState.WAITING: submit,
    TaskState.QUEUING: submit,
    TaskState.SUBMITTING: found_submitting,
    TaskState.REVIEW: review,
    TaskState.GENERATING: poll,
    TaskState.STORING: store,
}


async def run(upstream: Upstream) -> None:
    """Go from state to state until the task has ended. Raises Fenced when another node has it."""
    lease = upstream.lease
    try:
        while not lease.ended:
            await _handler(upstream)(upstream)
    except CancelAsked:
        await lease.fail(CANCELLED, verdict="cancelled")
    except DeadlinePassed:
        if lease.state is TaskState.GENERATING and not upstream.runs_here():
            await upstream.cancel(await upstream.job(upstream.route()))
        await lease.fail(out_of_time(lease.task, lease.state), verdict="timeout")
    finally:
        upstream.release_slot()


def _handler(upstream: Upstream) -> Callable[[Upstream], Awaitable[None]]:
    if upstream.lease.state is TaskState.GENERATING and upstream.runs_here():
        return run_again
    return _HANDLERS[upstream.lease.state]


CANCELLED = Failure(FailKind.CANCELLED, "cancelled at the client's request; nothing was charged")


def out_of_time(task: TaskRow, state: TaskState) -> Failure:
    minutes = (task.deadline_at - task.created_at) / 60_000
    waited = ": no connection that can run it took it" if state is TaskState.QUEUING else ""
    return Failure(
        FailKind.TIMEOUT,
        f"the task did not finish within its {minutes:g} minutes{waited}; nothing was charged",
    )
