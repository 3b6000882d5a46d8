"""Waiting for a task: for its end, for its next step, for the engine's word on a cancel.

Whoever waits is rung for by the task's own process, and looks again now and then by itself: news from other processes
can get lost.
"""

from souk.clock import Clock
from souk.engine.bell import Waiter
from souk.operations.types import CancelAnswer
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import TaskId, TaskState

LOOK_AGAIN_SECONDS = 0.5
"""How often a waiting caller looks for steps another process took."""
CANCEL_WAIT_SECONDS = 3.0
"""How long a cancel waits for the engine's word before it answers that it is on its way."""


async def at_end(waiter: Waiter, reads: Reads, clock: Clock, task: TaskRow, seconds: float) -> TaskRow:
    """The task when it has ended, or as it is after so long."""
    deadline = clock.monotonic() + seconds
    while task.completed_at is None:
        left = deadline - clock.monotonic()
        if left <= 0:
            break
        await waiter.step(min(left, LOOK_AGAIN_SECONDS))
        task = await reads.task(task.id) or task
    return task


async def changed(waiter: Waiter, reads: Reads, task: TaskRow) -> TaskRow | None:
    """The task once a client sees a difference; None when it has been deleted."""
    while True:
        await waiter.step(LOOK_AGAIN_SECONDS)
        now = await reads.task(task.id)
        if now is None or _seen(now) != _seen(task):
            return now


async def cancelled(waiter: Waiter, reads: Reads, clock: Clock, task_id: TaskId) -> CancelAnswer:
    """What came of a cancel that the engine has been told of."""
    deadline = clock.monotonic() + CANCEL_WAIT_SECONDS
    while clock.monotonic() < deadline:
        task = await reads.task(task_id)
        if task is None or task.completed_at is not None or task.cancel_at is None:
            return cancel_answer(task)
        await waiter.step(LOOK_AGAIN_SECONDS)
    return CancelAnswer.REQUESTED


def cancel_answer(task: TaskRow | None) -> CancelAnswer:
    """What a cancel comes to for a task that has ended, or that runs on; None for one that has been deleted."""
    if task is not None and task.state == TaskState.FAIL and task.fail_kind == "cancelled":
        return CancelAnswer.CANCELLED
    return CancelAnswer.TOO_LATE


def _seen(task: TaskRow) -> tuple[object, ...]:
    return task.state, task.progress, task.completed_at
