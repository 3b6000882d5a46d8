"""Changes a caller makes to an existing task, as kinds of the write lane."""

from collections.abc import Sequence

import msgspec

from souk.engine.states import CANCELLED
from souk.engine.steps import Finish, finish_all
from souk.operations.types import Reason, Refusal
from souk.store import outbox, pins, retention, tasks
from souk.store.database import Connection
from souk.store.endings import Ending
from souk.store.lane import Kind
from souk.words import Millis, TaskId, TaskState


class Cancel(msgspec.Struct, frozen=True):
    task: TaskId
    account_id: int
    now: int


def _cancel(connection: Connection, cancels: Sequence[Cancel]) -> list[None]:
    """Note the wish; a task that no engine ever took up ends at once."""
    for cancel in cancels:
        asked = tasks.ask_cancel(connection, cancel.task, cancel.now)
        if asked is None:
            continue
        owner, epoch, attempt = asked
        if owner is None and attempt is None:
            ending = Ending(
                task=cancel.task,
                owner=None,
                term=epoch,
                at=cancel.now,
                to_state=TaskState.FAIL.value,
                to_captured=0,
                to_kind=CANCELLED.kind.value,
                to_message=CANCELLED.message,
            )
            finish_all(connection, [Finish(ending, account_id=cancel.account_id)])
    return [None] * len(cancels)


class Keep(msgspec.Struct, frozen=True):
    task: TaskId
    keep: bool


def _keep(connection: Connection, keeps: Sequence[Keep]) -> list[None]:
    for item in keeps:
        tasks.keep(connection, item.task, item.keep)
    return [None] * len(keeps)


def _delete(connection: Connection, ids: Sequence[TaskId]) -> list[Exception | None]:
    return [_delete_one(connection, task_id) for task_id in ids]


def _delete_one(connection: Connection, task_id: TaskId) -> Refusal | None:
    tasks.lock(connection, [task_id])
    task = tasks.fetch(connection, [task_id]).get(task_id)
    if task is None:
        return None
    if task.completed_at is None:
        return Refusal(Reason.CONFLICT, "the task is not finished; cancel it first", field="taskId")
    if pins.is_pinned(connection, task_id):
        return Refusal(Reason.CONFLICT, "an unfinished task builds on this one; wait for it", field="taskId")
    retention.delete_tasks(connection, [task_id])
    return None


class Redeliver(msgspec.Struct, frozen=True):
    task: TaskId
    now: Millis


def _redeliver(connection: Connection, items: Sequence[Redeliver]) -> list[int]:
    return [outbox.redeliver(connection, item.task, item.now) for item in items]


CANCEL: Kind[Cancel, None] = Kind("cancel", 15, _cancel, account=lambda cancel: cancel.account_id, alone=True)
KEEP: Kind[Keep, None] = Kind("keep", 70, _keep, alone=True)
DELETE: Kind[TaskId, None] = Kind("delete", 71, _delete, alone=True)
REDELIVER: Kind[Redeliver, int] = Kind("redeliver", 72, _redeliver, alone=True)
