"""What the dedicated image and video APIs share: flat create bodies, a taskId as answer, a callback at the end.

Each API is a model (or a few) of the catalogue with a wire of its own. A family's module says how its creates
are read, how its record and its callback are worded, and which texts its failures have.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final
from uuid import NAMESPACE_OID, uuid5

import msgspec

from souk.callbacks.message import Message
from souk.dialects.codes import GENERATION_FAILED, fail_code
from souk.dialects.envelope import OK, success
from souk.dialects.fields import address, client_task_id, refuse_misspelt
from souk.operations.operations import unknown_task
from souk.operations.records import Record
from souk.operations.types import Created, Draft, Reason, Refusal
from souk.words import FailKind, JsonObject, TaskState

_encode = msgspec.json.Encoder().encode

OWN_FIELDS: Final = ("callBackUrl", "clientTaskId")
"""What a create body holds beside the model's input."""

NO_CALLBACK: Final = "Please enter callBackUrl."
"""The words of the wire where a callback is required."""

NEVER_STARTED: Final = frozenset(
    {
        FailKind.AUTH,
        FailKind.QUOTA,
        FailKind.RATE_LIMIT,
        FailKind.RETIRED,
        FailKind.UNSUPPORTED,
        FailKind.INPUT_UNREACHABLE,
    }
)
"""Failures before any model worked on the task."""


@dataclass(frozen=True, slots=True)
class Create:
    """One create call."""

    path: str
    models: tuple[str, ...]
    """Catalogue ids; where there are several the body's ``model`` chooses, and the first is the default."""
    needs_callback: bool = False
    """Whether a call without ``callBackUrl`` is refused."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a task failed, in a family's words."""

    code: int
    text: str


class Files(msgspec.Struct, frozen=True):
    """The addresses in a finished task's result, as the catalogue's templates name them."""

    resultUrls: list[str] = []
    fullResultUrls: list[str] = []
    coverUrl: str = ""

    @property
    def first(self) -> str:
        return self.resultUrls[0] if self.resultUrls else ""


class Dedicated(ABC):
    """A family's wire API."""

    name: ClassVar[str]
    """What ``tasks.dialect`` says, and ``dialect`` of the family's models."""
    record_path: ClassVar[str]
    creates: ClassVar[tuple[Create, ...]]
    staged: ClassVar[bool] = False
    """Whether records show the stages of unfinished tasks."""
    texts: ClassVar[Mapping[FailKind | int, str]] = {}
    """The family's own words for kinds of failure, then for codes; other failures keep theirs."""

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        """What a create call asks for. Raises Refusal naming the field."""
        refuse_misspelt(body.keys() - set(OWN_FIELDS), body)
        callback_url = address(body, "callBackUrl")
        if callback_url is None and create.needs_callback:
            raise Refusal(Reason.INVALID_INPUT, NO_CALLBACK, field="callBackUrl")
        left_out = OWN_FIELDS if len(create.models) == 1 else (*OWN_FIELDS, "model")
        return Draft(
            model=_chosen(create, body),
            input={name: value for name, value in body.items() if name not in left_out},
            dialect=self.name,
            callback_url=callback_url,
            client_task_id=client_task_id(body),
            idempotency_key=idempotency_key,
            operation=create.path,
        )

    def created(self, created: Created) -> bytes:
        """The answer to a create call."""
        data: JsonObject = {"taskId": created.task_id}
        if created.warnings:
            data["warnings"] = created.warnings
        return success(data)

    def record(self, record: Record) -> bytes:
        """The answer to a record call: the family's record, and what Souk adds to any."""
        return self.shown(record, self.data(record))

    def shown(self, record: Record, data: JsonObject) -> bytes:
        """A record's body, once the family's ``data`` is known."""
        if record.warnings:
            data["warnings"] = record.warnings
        if record.error:
            data["error"] = {**record.error, "message": record.fail_message}
        return success(data)

    def missing(self) -> bytes:
        """The answer to a record call for an id this family has no task of. Raises Refusal."""
        raise unknown_task()

    def callback(self, record: Record, stage: str) -> Message:  # noqa: ARG002 - these tasks have one stage, the end
        """What the task's receiver is told."""
        return Message(record.task_id, _encode(self.told(record)).decode())

    @abstractmethod
    def data(self, record: Record) -> JsonObject:
        """``data`` of the family's record, its keys in the order of the wire."""

    @abstractmethod
    def told(self, record: Record) -> JsonObject:
        """The body of the family's callback."""

    def fault(self, record: Record) -> Fault:
        """Why a failed task failed."""
        return fault_of(record, self.texts)


def fault_of(record: Record, texts: Mapping[FailKind | int, str] = MappingProxyType({})) -> Fault:
    """Why a failed task failed, in these words where they have some for it."""
    code = fail_code(record.fail_kind, record.fail_code)
    if code == OK:  # an upstream's slip: receivers take this code for success
        code = GENERATION_FAILED
    of_kind = texts.get(record.fail_kind) if record.fail_kind else None
    return Fault(code, of_kind or texts.get(code) or record.fail_message)


def succeeded(record: Record) -> bool:
    return record.state == TaskState.SUCCESS


def failed(record: Record) -> bool:
    return record.state == TaskState.FAIL


def flag(record: Record) -> int:
    """``successFlag``: 0 unfinished, 1 done, 2 never started, 3 failed while it was made."""
    if failed(record):
        return 2 if record.fail_kind in NEVER_STARTED else 3
    return 1 if succeeded(record) else 0


def files(record: Record) -> Files:
    """What a finished task made; nothing before."""
    return msgspec.json.decode(record.result, type=Files) if record.result else Files()


def param_json(record: Record, input: JsonObject | None = None, **more: Any) -> str:
    """The create call as text: the input, or as it is to be shown, and what the body had beside it."""
    addresses = {"callBackUrl": record.callback_url} if record.callback_url else {}
    return _encode((record.input if input is None else input) | more | addresses).decode()


def iso(moment: int | None) -> str | None:
    """A moment as ``2026-02-26T10:00:00Z``."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None


def spaced(moment: int | None) -> str:
    """A moment as ``2026-02-26 10:00:00``, in UTC; empty if it has not come."""
    return _utc(moment).strftime("%Y-%m-%d %H:%M:%S") if moment is not None else ""


def media_id(record: Record) -> str:
    """An id for a task's file, as the wire has it beside its address: the same one at every look."""
    return str(uuid5(NAMESPACE_OID, record.task_id))


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)


def _chosen(create: Create, body: JsonObject) -> str:
    if len(create.models) == 1:
        return create.models[0]
    model = body.get("model")
    if model is None or model == "":
        return create.models[0]
    if model in create.models:
        return str(model)
    known = ", ".join(create.models)
    raise Refusal(
        Reason.INVALID_INPUT, f"model must be one of {known}", field="model", allowed=list(create.models)
    )
