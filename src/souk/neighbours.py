"""What this process and the others on its database tell each other, and who here acts on it.

None of it is needed for anything to come right: each of those who are woken here also looks by itself, less often.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from souk.callbacks.worker import OutboxWorker
from souk.clock import Clock
from souk.engine.bell import Bell
from souk.engine.engine import Engine
from souk.store.database import Database
from souk.store.herald import Herald, Silence, Topic, herald_of
from souk.store.outbox import endpoint_of
from souk.words import TaskId

log = logging.getLogger("souk")

LISTENING_SECONDS = 20.0
"""After this long without another word, nobody elsewhere is taken to wait for steps any more."""
CLAIM_SPACING = 0.005
"""From one claim for others' creates to the next: each of many engines would else try for each of many tasks."""


class Neighbours:
    """Carries news both ways. Open it in an event loop, close it there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._herald: Herald = Silence()
        self.bell = Bell(self)
        self.engine: Engine | None = None
        self.outbox: OutboxWorker | None = None
        self.forget: list[Callable[[], None]] = []
        """What remembers accounts and keys for a while, and drops them when they have changed."""
        self._told_of_listening = float("-inf")
        self._listened_to_until = float("-inf")
        self._claimed_at = float("-inf")
        self._claim: asyncio.TimerHandle | None = None

    def open(self, database: Database) -> None:
        """Begin to tell and to hear."""
        self._herald = herald_of(database, asyncio.get_running_loop(), self._hear, self._missed)

    def close(self) -> None:
        """Tell what there still is to tell, and stop."""
        self._herald.close()
        if self._claim is not None:
            self._claim.cancel()

    # --- telling ---------------------------------------------------------------------------------

    def expect_work(self) -> None:
        """A task is being created here."""
        if self.engine is not None:
            self.engine.expect()

    def work(self) -> None:
        """A task was created here. It needs others if nobody here can take it."""
        if self.engine is None or not self.engine.has_room:
            self.share_work()

    def share_work(self) -> None:
        """There are tasks for others to claim."""
        self._herald.tell(Topic.WORK)

    def cancel(self, task_id: TaskId) -> None:
        """Somebody wants a task cancelled."""
        if self.engine is None or not self.engine.cancel(task_id):
            self._herald.tell(Topic.CANCEL, task_id)

    def callbacks(self, url: str = "") -> None:
        """A callback is due at this address; an empty one is: at any."""
        if self.outbox is None:
            self._herald.tell(Topic.CALLBACKS)
        else:
            self.outbox.wake([endpoint_of(url)] if url else ())

    def hint(self, task_id: TaskId, attempt_id: str) -> None:
        """An upstream has news of a task that is not held here."""
        self._herald.tell(Topic.HINT, f"{task_id}:{attempt_id}")

    def stepped(self, task_id: TaskId) -> None:
        """A task took a step here. Told only while somebody elsewhere waits for any, for there are many."""
        if self._clock.monotonic() < self._listened_to_until:
            self._herald.tell(Topic.STEP, task_id)

    def listen(self) -> None:
        """Somebody here waits for a task."""
        now = self._clock.monotonic()
        if now - self._told_of_listening >= LISTENING_SECONDS / 2:
            self._told_of_listening = now
            self._herald.tell(Topic.LISTENING)

    # --- hearing ---------------------------------------------------------------------------------

    def _hear(self, topic: Topic, words: Sequence[str]) -> None:
        match topic:
            case Topic.WORK:
                self._wake_engine()
            case Topic.CANCEL:
                for task_id in words:
                    self._cancel_here(TaskId(task_id))
            case Topic.STEP:
                for task_id in words:
                    self.bell.heard(TaskId(task_id))
            case Topic.LISTENING:
                self._listened_to_until = self._clock.monotonic() + LISTENING_SECONDS
            case Topic.CALLBACKS:
                self._wake_outbox()
            case Topic.HINT:
                for word in words:
                    task_id, _, attempt_id = word.partition(":")
                    self._hint_here(TaskId(task_id), attempt_id)
            case Topic.CHANGES:
                self._changed()

    def _missed(self) -> None:
        """The connection is new: anything may have happened while there was none."""
        self._listened_to_until = self._clock.monotonic() + LISTENING_SECONDS
        self._wake_engine()
        self._wake_outbox()
        self.bell.heard_all()
        self._changed()

    def _wake_engine(self) -> None:
        if self.engine is None or self._claim is not None:
            return
        wait = self._claimed_at + CLAIM_SPACING - self._clock.monotonic()
        self._claim = asyncio.get_running_loop().call_later(max(0.0, wait), self._wake_now)

    def _wake_now(self) -> None:
        self._claim = None
        self._claimed_at = self._clock.monotonic()
        if self.engine is not None:
            self.engine.wake()

    def _cancel_here(self, task_id: TaskId) -> None:
        if self.engine is not None:
            self.engine.cancel(task_id)

    def _hint_here(self, task_id: TaskId, attempt_id: str) -> None:
        if self.engine is not None:
            self.engine.hinted(task_id, attempt_id)

    def _wake_outbox(self) -> None:
        if self.outbox is not None:
            self.outbox.wake()

    def _changed(self) -> None:
        for forget in self.forget:
            forget()
        self._wake_engine()  # an account may have been given more room
