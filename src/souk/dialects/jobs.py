"""The Market dialect: one create call and one record call for every model, and a callback at a task's end."""

from typing import Final

import msgspec

from souk.callbacks.message import Message
from souk.dialects.codes import fail_code
from souk.dialects.envelope import Rejected, success
from souk.dialects.fields import address, client_task_id, refuse_misspelt
from souk.operations.records import Record
from souk.operations.types import Created, Draft, Reason, Refusal
from souk.settings import WireBehaviour
from souk.store.outbox import END
from souk.words import JsonObject, TaskState, credits_to_number

NAME: Final = "jobs"

FIELDS: Final = frozenset({"model", "input", "callBackUrl", "progressCallBackUrl", "clientTaskId"})
MOST_WARNINGS: Final = 20
MOST_NAMED: Final = 5

_encode = msgspec.json.Encoder().encode


class _Data(msgspec.Struct):
    """``data`` of a record, in the order of the wire's keys."""

    taskId: str
    model: str
    state: str
    param: str
    resultJson: str | None
    failCode: str | None
    failMsg: str | None
    costTime: int | None
    completeTime: int | None
    createTime: int
    updateTime: int | msgspec.UnsetType
    creditsConsumed: float
    progress: int | msgspec.UnsetType = msgspec.UNSET
    warnings: list[str] | msgspec.UnsetType = msgspec.UNSET
    error: JsonObject | msgspec.UnsetType = msgspec.UNSET


class _Callback(msgspec.Struct):
    code: int
    msg: str
    data: _Data


class JobsDialect:
    """``/api/v1/jobs/…``. ``wire`` chooses between documented and recorded forms of a record."""

    name = NAME

    def __init__(self, wire: WireBehaviour = WireBehaviour.DOCUMENTED) -> None:
        self._observed = wire is WireBehaviour.OBSERVED

    def parse(self, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        """What a create call asks for. Raises Refusal naming the field."""
        extra = body.keys() - FIELDS
        warnings = _passed_over(extra, body) if extra else ()
        model = body.get("model")
        if not isinstance(model, str) or not model:
            said = "is required" if model is None or model == "" else "must be a text"
            raise Refusal(Reason.INVALID_INPUT, f"model {said}", field="model")
        given = body.get("input")
        if given is None:
            _refuse_flat(extra)
            given = {}
        if not isinstance(given, dict):
            raise Refusal(Reason.INVALID_INPUT, "input must be an object", field="input")
        return Draft(
            model=model,
            input=given,  # pyright: ignore[reportUnknownArgumentType] - any JSON object
            dialect=NAME,
            callback_url=address(body, "callBackUrl"),
            progress_url=address(body, "progressCallBackUrl"),
            client_task_id=client_task_id(body),
            idempotency_key=idempotency_key,
            warnings=warnings,
        )

    def created(self, created: Created) -> bytes:
        """The answer to a create call."""
        data: JsonObject = {"taskId": created.task_id, "recordId": created.task_id}
        if created.warnings:
            data["warnings"] = created.warnings
        return success(data)

    def record(self, record: Record) -> bytes:
        """The answer to a record call."""
        return success(self.data(record))

    def data(self, record: Record) -> object:
        """A record as an object to encode, for answers that carry it among other things."""
        return self._data(record, unfinished="")

    def callback(self, record: Record, stage: str) -> Message:
        """What the task's receiver is told at this stage."""
        data = self._data(record, unfinished=None if record.state == TaskState.FAIL else "")
        if stage != END:
            body = _Callback(200, "Playground task is in progress.", data)
        elif record.state == TaskState.SUCCESS:
            body = _Callback(200, "Playground task completed successfully.", data)
        else:
            body = _Callback(501, "Playground task failed.", data)
        return Message(record.task_id, _encode(body).decode())

    def _data(self, record: Record, unfinished: str | None) -> _Data:
        failed = record.state == TaskState.FAIL
        succeeded = record.state == TaskState.SUCCESS
        no_fault = None if self._observed else ""
        data = _Data(
            taskId=record.task_id,
            model=record.model,
            state=record.state,
            param=self._param(record),
            resultJson=record.result if succeeded and record.result else unfinished,
            failCode=str(fail_code(record.fail_kind, record.fail_code)) if failed else no_fault,
            failMsg=(record.fail_message or "") if failed else no_fault,
            costTime=self._cost_time(record),
            completeTime=record.completed_at,
            createTime=record.created_at,
            updateTime=msgspec.UNSET if self._observed else record.updated_at,
            creditsConsumed=wire_credits(record.credits or 0),
        )
        if record.model.startswith("sora-2"):
            data.progress = 100 if succeeded else record.progress or 0
        if record.warnings:
            data.warnings = record.warnings
        if failed:
            data.error = {"code": record.fail_kind, "retryable": record.retryable}
        return data

    def _cost_time(self, record: Record) -> int | None:
        if record.completed_at is None:
            return None
        milliseconds = record.completed_at - record.created_at
        return round(milliseconds / 1000) if self._observed else milliseconds

    def _param(self, record: Record) -> str:
        """The create call as text inside the record."""
        addresses: JsonObject = {}
        if record.callback_url:
            addresses["callBackUrl"] = record.callback_url
        if record.progress_url:
            addresses["progressCallBackUrl"] = record.progress_url
        if self._observed:  # recorded traffic has the input encoded once more, and put first
            shown = {"input": _encode(record.input).decode(), **addresses, "model": record.model}
        else:
            shown = {"model": record.model, **addresses, "input": record.input}
        return _encode(shown).decode()


def asked_task(query: dict[str, str]) -> str:
    """The id a record call asks for. Raises Rejected when there is none."""
    task_id = query.get("taskId")
    if not task_id:
        raise Rejected(400, "taskId parameter is required", "missing_parameter", field="taskId")
    return task_id


def wire_credits(amount: int) -> float:
    """Credits as the wire's number: two decimals, and whole ones without a point."""
    number = credits_to_number(amount)
    return int(number) if number == int(number) else number


def _refuse_flat(extra: set[str]) -> None:
    """Refuse a create without ``input`` whose fields stand where it should be. Raises Refusal."""
    if extra:
        named = ", ".join(sorted(name[:64] for name in extra)[:MOST_NAMED])
        message = f"input is required; the model's fields go inside it (beside it: {named})"
        raise Refusal(Reason.INVALID_INPUT, message, field="input")


def _passed_over(extra: set[str], body: JsonObject) -> tuple[str, ...]:
    """Warnings for unknown top-level fields. A callback that would silently never come is refused instead."""
    refuse_misspelt(extra, body)
    known = [name for name in body if name in extra]
    return tuple(
        f"`{name[:64]}` is not a field of this call and was passed over" for name in known[:MOST_WARNINGS]
    )
