"""What Suno's calls share that answer with the result itself: a task is made, awaited and shown in one answer."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from souk.callbacks.message import Message
from souk.dialects.dedicated import failed, fault_of, succeeded
from souk.dialects.envelope import failure, success
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

WAIT_SECONDS: Final = 30.0
"""How long an answer is held back for its task, where the call does not say."""


class Direct(ABC):
    """A call that answers with its result."""

    name: ClassVar[str]
    """The dialect, and the model behind it."""
    path: ClassVar[str]

    def parse(self, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        """What a call asks for: it has no callback, its answer tells all. Raises Refusal."""
        return Draft(
            model=self.name,
            input=body,
            dialect=self.name,
            idempotency_key=idempotency_key,
            operation=self.path,
        )

    @abstractmethod
    def data(self, record: Record) -> JsonObject:
        """``data`` of the answer for a task that succeeded."""

    def answer(self, record: Record, request_id: str) -> bytes:
        """The answer to the call: the result, why there is none, or that it takes longer."""
        if succeeded(record):
            return success(self.data(record))
        if failed(record):
            fault = fault_of(record)
            return failure(fault.code, fault.text, "failed", request_id, retryable=record.retryable)
        text = "not ready yet; the task goes on, and is paid for if it succeeds"
        return failure(408, text, "not_ready", request_id, retryable=True, task_id=record.task_id)

    def record(self, record: Record) -> bytes:
        """The task as its call would answer now."""
        return self.answer(record, "")

    def callback(self, record: Record, stage: str) -> Message:  # noqa: ARG002 - the end is all there is
        """The same, should an outbox ever ask for it: no call of this kind names a receiver."""
        return Message(record.task_id, self.record(record).decode())
