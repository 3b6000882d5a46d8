"""Running a task upstream: one handler per state, each ending with a written step to the next."""

from collections.abc import Awaitable, Callable, Mapping

from souk.engine.interrupt import CancelAsked, DeadlinePassed
from souk.engine.lease import Failure
from souk.engine.polling import poll
from souk.engine.reviewing import found_submitting, review
from souk.engine.storing import store
from souk.engine.submitting import submit
from souk.engine.upstream import Upstream
from souk.words import FailKind, TaskState

_HANDLERS: Mapping[TaskState, Callable[[Upstream], Awaitable[None]]] = {
    TaskState.WAITING: submit,
    TaskState.QUEUING: submit,
    TaskState.SUBMITTING: found_submitting,
    TaskState.REVIEW: review,
    TaskState.GENERATING: poll,
    TaskState.STORING: store,
}


async def run_remote(upstream: Upstream) -> None:
    """Go from state to state until the task has ended. Raises Fenced when another node has it."""
    lease = upstream.lease
    try:
        while not lease.ended:
            await _HANDLERS[lease.state](upstream)
    except CancelAsked:
        await lease.fail(CANCELLED, verdict="cancelled")
    except DeadlinePassed:
        if lease.state is TaskState.GENERATING:
            await upstream.cancel(await upstream.job(upstream.route()))
        await lease.fail(out_of_time(lease.task.created_at, lease.task.deadline_at), verdict="timeout")
    finally:
        upstream.release_slot()


CANCELLED = Failure(FailKind.CANCELLED, "cancelled at the client's request; nothing was charged")


def out_of_time(created_at: int, deadline_at: int) -> Failure:
    minutes = (deadline_at - created_at) / 60_000
    return Failure(
        FailKind.TIMEOUT, f"the task did not finish within its {minutes:g} minutes; nothing was charged"
    )
