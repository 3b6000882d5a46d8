"""What callbacks say: a task's record, in the words of the dialect it was created through."""

from souk.callbacks.message import Message, pack
from souk.dialects.table import Dialects
from souk.operations.records import record_of, stages_of
from souk.store.outbox import END, OutboxRow
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import TaskId


class Telling:
    """Puts into words what the outbox sends."""

    def __init__(self, reads: Reads, dialects: Dialects, public_url: str) -> None:
        self._reads = reads
        self._dialects = dialects
        self._public_url = public_url

    def last_word(self, task: TaskRow) -> str:
        """What the receiver of an ended task is told, as the outbox keeps it.

        Empty if that cannot be said: whoever delivers it tries again, and tells of the trouble. A task must end.
        """
        try:
            return pack(self._dialects.callback(record_of(task, self._public_url), END))
        except Exception:  # noqa: BLE001 - whatever is wrong with the words, the task has its end
            return ""

    async def render(self, row: OutboxRow) -> Message | None:
        """A callback that has no words yet; None if its task is gone."""
        task = await self._reads.task(TaskId(row.task_id))
        if task is None:
            return None
        stages = () if row.stage == END else await stages_of(self._reads, task.id, self._public_url)
        return self._dialects.callback(record_of(task, self._public_url, stages), row.stage)
