"""A lease: this process's hold on one task. Every step of the task's life is written through it."""

import json
import logging
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from souk.engine.failure import Failure
from souk.engine.reports import Report
from souk.engine.routes import Route
from souk.engine.steps import ADVANCE, FINISH, MARK, Finish, Mark, Step
from souk.engine.wish import Wish
from souk.engine.world import World
from souk.ids import new_id
from souk.providers.base import Connection, ParentRef
from souk.store import assets, events
from souk.store.assets import AssetRow
from souk.store.attempts import Attempt
from souk.store.database import Connection as Database
from souk.store.endings import Ending, ended
from souk.store.events import PROGRESS, Event, NewEvent
from souk.store.pieces import Piece
from souk.store.tasks import Move, TaskRow
from souk.words import JsonObject, Millis, TaskId, TaskState

log = logging.getLogger("souk.engine")

_SMALL_STEPS = frozenset({TaskState.SUBMITTING, TaskState.STORING, None})
"""Steps that every task takes and that the next one shows anyway: a line for each would cost 4 % of a task."""
_NO_FILES: Mapping[int, AssetRow] = {}
_NO_NAMES: frozenset[str] = frozenset()

MOST_REPORTS = 16
"""So many are kept until they are heard, the latest."""


class Fenced(Exception):
    """Another node holds this task now; whatever this one still does changes nothing."""


class Lease:
    """One claimed task, as last written. Raises Fenced as soon as a write finds another owner.

    Tens of thousands live at once while they are upstream, so nothing is made before it is needed.
    """

    __slots__ = (
        "_connection",
        "_files",
        "_reached",
        "_recalled",
        "attempt",
        "cancelled",
        "ended",
        "filled",
        "foldered",
        "handing_over",
        "hint",
        "input",
        "parents",
        "reports",
        "task",
        "world",
    )

    def __init__(self, world: World, task: TaskRow, attempt: Attempt | None = None) -> None:
        self.world = world
        self.task = task
        self.attempt = attempt
        """The current attempt as it is known here; None where there is none yet."""
        self.input: JsonObject = msgspec.json.decode(task.input)
        self.filled: frozenset[str] = (
            frozenset(msgspec.json.decode(task.filled)) if task.filled else _NO_NAMES
        )
        """Fields of the input that the wire filled in."""
        self.cancelled = Wish()
        if task.cancel_at is not None:
            self.cancelled.set()
        self.hint = Wish()
        """Set when a report came."""
        self.reports: tuple[Report, ...] = ()
        """What the upstream said by itself and this task has not heard yet."""
        self.parents: tuple[ParentRef, ...] = ()
        """What the input names of earlier tasks and pieces."""
        self.ended = False
        self._connection: Connection | None = None
        """As this process asks there about the current attempt."""
        self._reached = _NO_NAMES
        """Stages that need not be told any more."""
        self._files: Mapping[int, AssetRow] = _NO_FILES
        """Files that stages told of."""
        self._recalled = task.attempts == 0
        self.foldered = task.epoch > 1
        """Whether the task may have a folder on this machine: to look costs the event loop a stop."""
        self.handing_over = False
        """True from the submit mark until the answer is stored: the one stretch that must not be interrupted."""

    @property
    def id(self) -> TaskId:
        return self.task.id

    @property
    def state(self) -> TaskState:
        return TaskState(self.task.state)

    @property
    def seconds_left(self) -> float:
        """Until the task's deadline; negative when past."""
        return (self.task.deadline_at - self.world.clock.now()) / 1000

    def runs_on(self, connection: Connection) -> None:
        """The current attempt is asked after on this connection, as it is."""
        self._connection = connection

    def connection(self) -> Connection | None:
        """The connection of the current attempt, as it was when this process took the attempt up.

        Whatever became of it since: what runs there is paid for. None where it was gone by then, or another provider's.
        """
        name, provider = self.task.connection or "", self.attempt.provider if self.attempt else None
        if self._connection is None or not self._connection.answers_for(name, provider):
            now = self.world.connections.get(name)
            self._connection = now if now is not None and now.answers_for(name, provider) else None
        return self._connection

    def folder(self) -> Path:
        """Scratch space of the task's own on this machine, not yet made; it goes when the task has ended."""
        self.foldered = True
        return self.world.workdir / self.id

    def tell(self, report: Report) -> None:
        """Let the task hear a report. One that it has already, or that is about another attempt, is passed over."""
        if report.attempt_id == self.task.attempt_id and report not in self.reports:
            self.reports = (*self.reports[1 - MOST_REPORTS :], report)
            self.hint.set()

    def new_attempt(self, route: Route, request: str = "") -> Attempt:
        """The next attempt, not yet written."""
        now = self.world.clock.now()
        return Attempt(
            id=new_id(now, self.world.random),
            task_id=self.id,
            number=self.task.attempts + 1,
            connection=route.connection.name,
            upstream_model=route.upstream_model,
            started_at=now,
            request=request or None,
            provider=route.connection.provider,
        )

    def current_attempt(self) -> Attempt:
        """The current attempt's identity, for a job or for telling more of it."""
        known = self.attempt
        return Attempt(
            id=self.task.attempt_id or "",
            task_id=self.id,
            number=self.task.attempts,
            connection=self.task.connection or "",
            upstream_model=self.task.upstream_model or "",
            started_at=known.started_at if known else self.task.updated_at,
            provider=known.provider if known else None,
        )

    async def step(
        self,
        state: TaskState | None = None,
        *,
        attempt: Attempt | None = None,
        event: NewEvent | None = None,
        files: tuple[AssetRow, ...] = (),
        limit: int = 0,
        **changes: Any,
    ) -> bool:
        """Write a step: a new state, what is newly known of the attempt, a stage reached, and other columns.

        False, and nothing written, if the attempt's connection has ``limit`` tasks in flight already; 0 = no limit.
        """
        new_attempt = attempt is not None and attempt.id != self.task.attempt_id
        if new_attempt and attempt is not None:
            changes |= {
                "attempt_id": attempt.id,
                "attempts": attempt.number,
                "connection": attempt.connection,
                "upstream_model": attempt.upstream_model,
            }
            if self.task.fitted:
                changes.setdefault("fitted", "")
        if state is not None:
            changes["state"] = state.value
        now = self.world.clock.now()
        move = Move(
            task=self.id,
            owner=self.world.node,
            term=self.task.epoch,
            at=now,
            **{_MOVE_FIELD[name]: value for name, value in changes.items()},
        )
        tell = self._address_for(event) if event else None
        step = Step(move, attempt, event, tell, self.task.account_id, files)
        writing = self._written(step, attempt.connection if attempt and limit else "", limit)
        if tell:
            self.world.wake_callbacks(tell)  # who delivers claims right behind it, mostly in one transaction
        moved = await writing
        if moved is None:
            return False
        if not moved:
            raise Fenced
        if changes.get("ref") == "":
            changes["ref"] = None
        if changes.get("cancel_at") == 0:
            changes["cancel_at"] = None
        self.task = msgspec.structs.replace(self.task, updated_at=now, **changes)
        if attempt is not None:
            self.attempt = attempt
        told = logging.DEBUG if state in _SMALL_STEPS else logging.INFO
        self.log("task " + (state.value if state else "step"), told, attempt=self.task.attempts)
        self.world.bell.ring(self.id)
        return True

    def _written(self, step: Step, connection: str, limit: int) -> Awaitable[bool | None]:
        if connection:
            return self.world.lane.put(MARK, Mark(step, connection, limit))
        return self.world.lane.put(ADVANCE, step)

    async def reach(
        self,
        stage: str,
        data: JsonObject,
        progress: int | None = None,
        files: tuple[AssetRow, ...] = (),
    ) -> None:
        """Write that a stage is reached, once; the client is told. ``progress`` is told as often as it grows.

        ``files`` are stored files that ``data`` links to and that no stage has told of before.
        """
        if stage in self._reached:
            return
        if stage != PROGRESS:
            self.pass_over(stage)
        told = NewEvent(self.id, stage, self.world.clock.now(), json.dumps(data, ensure_ascii=False))
        changes: dict[str, Any] = {} if progress is None else {"progress": progress}
        await self.step(event=told, files=files, **changes)
        if files:
            self._files = {**self._files, **{row.number: row for row in files}}

    async def has_reached(self, stage: str) -> bool:
        """Whether a stage was told, by this process or one that had the task before."""
        await self._recall()
        return stage in self._reached

    def pass_over(self, stage: str) -> None:
        """Never tell of this stage, or not again."""
        self._reached |= {stage}

    async def files(self) -> Mapping[int, AssetRow]:
        """The files of the result that stages told of, by their number. They are stored and written."""
        await self._recall()
        return self._files

    async def _recall(self) -> None:
        """Look up, once, what was told while another process had the task."""
        if self._recalled:
            return

        def look(connection: Database) -> tuple[list[Event], list[AssetRow]]:
            rows = assets.of_tasks(connection, [self.id]).get(self.id, [])
            return events.of_task(connection, self.id), rows

        told, rows = await self.world.reads.run(look)
        self._reached |= {event.stage for event in told if event.stage != PROGRESS}
        self._files = {**self._files, **{row.number: row for row in rows}}
        self._recalled = True

    def _address_for(self, event: NewEvent) -> str | None:
        return self.task.progress_url if event.stage == PROGRESS else self.task.callback_url

    async def succeed(
        self,
        result: str,
        captured: int,
        files: tuple[AssetRow, ...],
        pieces: tuple[Piece, ...],
        attempt: Attempt | None,
    ) -> None:
        """End in success: everything the task delivered is in our storage by now."""
        ending = Ending(
            task=self.id,
            owner=self.world.node,
            term=self.task.epoch,
            at=self.world.clock.now(),
            to_state=TaskState.SUCCESS.value,
            to_captured=captured,
            to_result=result,
        )
        await self._end(ending, "success", attempt, files, pieces)

    async def fail(self, failure: Failure, verdict: str | None = None, cause: Failure | None = None) -> None:
        """End in failure: the whole hold goes back.

        ``failure`` ended the current attempt, if there is a ``verdict`` on it; ``cause`` is what the client hears
        where that is something else.
        """
        told = cause or failure
        ending = Ending(
            task=self.id,
            owner=self.world.node,
            term=self.task.epoch,
            at=self.world.clock.now(),
            to_state=TaskState.FAIL.value,
            to_captured=0,
            to_kind=told.kind.value,
            to_code=told.code,
            to_message=told.message[:1000],
        )
        attempt = self.closed_attempt(verdict, failure) if verdict else None
        await self._end(ending, told.kind.value, attempt)

    def closed_attempt(
        self, verdict: str, failure: Failure | None = None, cost: int | None = None
    ) -> Attempt | None:
        """What is now known of the current attempt: how it ended and why."""
        if self.task.attempt_id is None:
            return None
        return msgspec.structs.replace(
            self.current_attempt(),
            ended_at=self.world.clock.now(),
            verdict=verdict,
            kind=failure.kind.value if failure else None,
            message=failure.message[:1000] if failure else None,
            upstream=failure.upstream[:500] if failure and failure.upstream else None,
            cost=cost,
        )

    def log(self, event: str, level: int = logging.INFO, **fields: object) -> None:
        if log.isEnabledFor(level):
            log.log(level, event, extra={"task_id": self.id, "model": self.task.model, **fields})

    async def _end(
        self,
        ending: Ending,
        outcome: str,
        attempt: Attempt | None,
        files: tuple[AssetRow, ...] = (),
        pieces: tuple[Piece, ...] = (),
    ) -> None:
        last_word = self.world.last_word(ended(self.task, ending)) if self.task.callback_url else ""
        finish = Finish(ending, attempt, files, pieces, self.task.account_id, last_word)
        finishing = self.world.lane.put(FINISH, finish)
        if self.task.callback_url:
            self.world.wake_callbacks(self.task.callback_url)
        if not await finishing:
            raise Fenced
        self.ended = True
        took = Millis(ending.at - self.task.created_at)
        self.world.meters.finish(outcome, took / 1000)
        self.log("task ended", outcome=outcome, ms=took)
        self.world.bell.ring(self.id)


_MOVE_FIELD = {
    "state": "to_state",
    "attempt_id": "to_attempt",
    "attempts": "to_attempts",
    "connection": "to_connection",
    "upstream_model": "to_model",
    "ref": "to_ref",
    "prepared": "to_prepared",
    "outputs": "to_outputs",
    "progress": "to_progress",
    "cancel_at": "to_cancel",
    "fitted": "to_fitted",
}
