"""A task as its owner may see it, whatever dialect then writes it down."""

import json

import msgspec

from souk.assets.links import resolve
from souk.store import events
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.words import Credits, FailKind, JsonObject, Mode, TaskId, TaskState

_WIRE_STATES = {
    TaskState.SUBMITTING: "queuing",
    TaskState.STORING: "generating",
    TaskState.REVIEW: "generating",
}

RETRYABLE = frozenset(
    {
        FailKind.TRANSIENT,
        FailKind.RATE_LIMIT,
        FailKind.TIMEOUT,
        FailKind.UNCLEAR,
        FailKind.INTERNAL,
        FailKind.AUTH,
        FailKind.QUOTA,
    }
)
"""Failures after which creating the same task anew may well succeed."""


class Stage(msgspec.Struct, frozen=True):
    """A point of the work that a task reached, and what was known there."""

    name: str
    data: JsonObject
    """With final addresses and ids."""
    at: int


class Record(msgspec.Struct, frozen=True):
    """What is known of a task."""

    task_id: TaskId
    model: str
    state: str
    """waiting, queuing, generating, success or fail."""
    inner_state: str
    mode: Mode
    dialect: str
    input: JsonObject
    callback_url: str | None
    progress_url: str | None
    client_task_id: str | None
    result: str | None
    """JSON text with final addresses; None before success."""
    fail_kind: FailKind | None
    fail_code: int | None
    """A numeric code the upstream (or the sandbox) named itself."""
    fail_message: str
    retryable: bool
    created_at: int
    updated_at: int
    completed_at: int | None
    progress: int | None
    credits: Credits | None
    """What the task cost; None while it is unfinished."""
    connection: str | None
    upstream_model: str | None
    warnings: list[str]
    """What was passed over, and what was made of input files so that the upstream takes them."""
    kept: bool = False
    """Held back from retention."""
    stages: tuple[Stage, ...] = ()
    """What was reached so far, in order, where that was asked for; progress is not among it."""

    @property
    def error(self) -> JsonObject | None:
        """Why the task failed, for machines."""
        if self.fail_kind is None:
            return None
        return {"code": self.fail_kind.value, "retryable": self.retryable}


class RecordPage(msgspec.Struct, frozen=True):
    """A part of an account's tasks."""

    records: list[Record]
    """Newest first."""
    next: TaskId | None
    """Where to go on; None at the end."""


async def stages_of(reads: Reads, task_id: TaskId, public_url: str) -> tuple[Stage, ...]:
    """The stages a task has reached, in order."""
    told = await reads.run(lambda connection: events.of_task(connection, task_id))
    return tuple(
        Stage(event.stage, json.loads(resolve(event.data, public_url)), event.at)
        for event in told
        if event.stage != events.PROGRESS
    )


def record_of(task: TaskRow, public_url: str, stages: tuple[Stage, ...] = ()) -> Record:
    """The record of a stored task."""
    state = TaskState(task.state)
    kind = FailKind(task.fail_kind) if task.fail_kind else None
    return Record(
        task_id=task.id,
        model=task.model,
        state=_WIRE_STATES.get(state, state.value),
        inner_state=task.state,
        mode=Mode(task.mode),
        dialect=task.dialect,
        input=json.loads(task.input),
        callback_url=task.callback_url,
        progress_url=task.progress_url,
        client_task_id=task.client_task_id,
        result=resolve(task.result, public_url) if task.result is not None else None,
        fail_kind=kind,
        fail_code=task.fail_code,
        fail_message=task.fail_message or "",
        retryable=kind in RETRYABLE,
        created_at=task.created_at,
        updated_at=task.updated_at,
        completed_at=task.completed_at,
        progress=task.progress,
        credits=Credits(task.captured) if task.captured is not None else None,
        connection=task.connection,
        upstream_model=task.upstream_model,
        warnings=[said for told in (task.warnings, task.fitted) if told for said in json.loads(told)],
        kept=bool(task.keep),
        stages=stages,
    )
