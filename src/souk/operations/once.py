"""What there is only one result of: the one task for a subject, found again, and free again once it failed.

A subject (such as a song that becomes a WAV) is bound like a caller's idempotency key, in the same transaction as
the task, so that two calls at one moment cannot both make it.
"""

from souk.store import idempotency, tasks
from souk.store.database import Connection
from souk.store.idempotency import Bound
from souk.words import AccountId, Mode, TaskId, TaskState

_ONCE = "once:"


def once_bound(account_id: AccountId, operation: str, mode: Mode, key: str) -> Bound:
    """How a subject's key is stored. The body does not count: another one is no other subject."""
    return Bound(account_id, f"{_ONCE}{operation}:{mode}", key, "")


def is_once(bound: Bound) -> bool:
    """Whether a key stands for a subject rather than for a call."""
    return bound.operation.startswith(_ONCE)


def standing(
    connection: Connection, account_id: AccountId, mode: Mode, operation: str, subject: str
) -> tuple[str, TaskId | None]:
    """The key a task for this subject has or would have, and that task if it is there.

    A task that failed or was deleted makes room: the next key has its id in it.
    """
    key = subject
    while True:
        bound = once_bound(account_id, operation, mode, key)
        found = idempotency.find(connection, [bound])
        if bound.scope not in found:
            return key, None
        task_id = TaskId(found[bound.scope][1])
        task = tasks.fetch(connection, [task_id]).get(task_id)
        if task is not None and task.state != TaskState.FAIL:
            return key, task_id
        key = f"{subject}:{task_id}"
