"""What the tools around Suno's music share: failures and refusals in their own words, and records that name a song."""

from abc import abstractmethod
from typing import ClassVar, Final

from souk.dialects.codes import GENERATION_FAILED
from souk.dialects.dedicated import NEVER_STARTED, Create, Dedicated, Fault, failed, spaced, succeeded
from souk.dialects.envelope import Answer, Reworded
from souk.operations.records import Record
from souk.operations.types import Draft, Reason, Refusal
from souk.words import JsonObject, TaskId

SONG_MODELS: Final = (
    "suno-generate",
    "suno-extend",
    "suno-upload-cover",
    "suno-upload-extend",
    "suno-add-instrumental",
    "suno-add-vocals",
    "suno-replace-section",
    "suno-mashup",
    "suno-sounds",
)
"""What makes the songs that tools work on."""

RECORD_UNKNOWN: Final = Answer(422, "Record does not exist")
"""For ids of songs and tasks that are unknown, or that do not belong together."""
SERVICE_CODES: Final = (500, GENERATION_FAILED)
"""Failures that are nobody's fault but the service's; each tool has one text for them."""


class Tool(Dedicated):
    """A tool's wire API."""

    own: ClassVar[Fault] = Fault(500, "Internal Error - Please try again later.")
    """What the record says of a failure of the service itself."""
    taken: ClassVar[Answer] = Answer(409, "record already exists")
    """What is said of a call for something there is only one of, once it is there."""

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        """As any, with what is empty taken for absent: callers fill in all fields of tools with a choice of inputs."""
        given = {name: value for name, value in body.items() if value is not None and value != ""}
        return super().parse(create, given, idempotency_key)

    @abstractmethod
    def data(self, record: Record, number: int = 0) -> JsonObject:
        """``data`` of the record. ``number`` is that of the song among its task's, if the tool works on a song."""

    def record_of(self, record: Record, number: int) -> bytes:
        """As :meth:`record`, with the number of the song."""
        return self.shown(record, self.data(record, number))

    def song(self, record: Record) -> str:  # noqa: ARG002 - most tools show no number
        """The piece whose number the record shows; empty for none."""
        return ""

    def parent(self, draft: Draft) -> tuple[str, str] | None:  # noqa: ARG002 - most drafts say all there is to say
        """Dialect and id of the earlier task whose record :meth:`completed` wants to see."""
        return None

    def completed(self, draft: Draft, parent: Record) -> Draft:  # noqa: ARG002 - only for tools with a parent()
        """The draft with what the earlier task's record tells."""
        return draft

    def subject(self, draft: Draft) -> str:  # noqa: ARG002 - most tools may be used again and again
        """What there is only one result of; empty where every call is a new task."""
        return ""

    def repeated(self, task_id: TaskId) -> Refusal:
        """The refusal of a call for what a task has made, or is making."""
        message = f"task {task_id} made it, or is making it"
        return Reworded(Refusal(Reason.CONFLICT, message, field="audioId"), self.taken)

    def reworded(self, refusal: Refusal) -> Refusal:
        """A refused create in the tool's words."""
        if refusal.reason is Reason.UNKNOWN_PARENT:
            return Reworded(refusal, RECORD_UNKNOWN)
        return refusal

    def fault(self, record: Record) -> Fault:
        fault = super().fault(record)
        return self.own if fault.code in SERVICE_CODES else fault

    def told_fault(self, record: Record) -> Fault:
        """Why a task failed, as the callback says it."""
        fault = self.fault(record)
        return self.own_told(record) if fault == self.own else fault

    def own_told(self, record: Record) -> Fault:  # noqa: ARG002 - most tools have one text
        """What the callback says of a failure of the service itself."""
        return self.own


class SongTool(Tool):
    """A tool that works on one song: the record names the song and says how far it is in words."""

    failed_word: ClassVar[str]
    """``successFlag`` of a task that failed while it was made."""

    def song(self, record: Record) -> str:
        return str(record.input.get("audioId") or "")

    @abstractmethod
    def response(self, record: Record) -> JsonObject:
        """What a finished task made."""

    def moment(self, at: int | None) -> str | int | None:
        """A moment as the record writes it."""
        return spaced(at) or None

    def data(self, record: Record, number: int = 0) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        return {
            "taskId": record.task_id,
            "musicId": self.song(record) or None,
            "callbackUrl": record.callback_url,
            "musicIndex": number,
            "completeTime": self.moment(record.completed_at),
            "response": self.response(record) if succeeded(record) else None,
            "successFlag": state_word(record, self.failed_word),
            "createTime": self.moment(record.created_at),
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else None,
        }


def state_word(record: Record, failed_word: str) -> str:
    """How far a task is, as most tools write it."""
    if failed(record):
        return "CREATE_TASK_FAILED" if record.fail_kind in NEVER_STARTED else failed_word
    return "SUCCESS" if succeeded(record) else "PENDING"
