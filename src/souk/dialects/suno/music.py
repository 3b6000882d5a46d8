"""Suno's music: nine ways to create songs, one record for all, and callbacks at each stage of the work."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from souk.callbacks.message import Message
from souk.dialects.dedicated import (
    NEVER_STARTED,
    Create,
    Dedicated,
    Fault,
    failed,
    param_json,
    spaced,
    succeeded,
)
from souk.dialects.envelope import success
from souk.dialects.suno.span import Span
from souk.operations.records import Record
from souk.operations.types import Draft, Reason, Refusal
from souk.settings import WireBehaviour
from souk.store.outbox import END
from souk.words import FailKind, JsonObject

_encode = msgspec.json.Encoder().encode

GENERATE: Final = Create("/api/v1/generate", ("suno-generate",), needs_callback=True)
EXTEND: Final = Create("/api/v1/generate/extend", ("suno-extend",), needs_callback=True)
UPLOAD_COVER: Final = Create("/api/v1/generate/upload-cover", ("suno-upload-cover",), needs_callback=True)
UPLOAD_EXTEND: Final = Create("/api/v1/generate/upload-extend", ("suno-upload-extend",), needs_callback=True)
ADD_INSTRUMENTAL: Final = Create(
    "/api/v1/generate/add-instrumental", ("suno-add-instrumental",), needs_callback=True
)
ADD_VOCALS: Final = Create("/api/v1/generate/add-vocals", ("suno-add-vocals",), needs_callback=True)
REPLACE_SECTION: Final = Create("/api/v1/generate/replace-section", ("suno-replace-section",))
MASHUP: Final = Create("/api/v1/generate/mashup", ("suno-mashup",), needs_callback=True)
SOUNDS: Final = Create("/api/v1/generate/sounds", ("suno-sounds",))

TEXT: Final = "text"
FIRST: Final = "first"
"""The stages on the way: lyrics written, first track ready."""

COMPLETE: Final = Fault(200, "All generated successfully.")
FIRST_READY: Final = Fault(200, "First track generated successfully.")
TEXT_READY: Final = Fault(200, "Text generation completed.")
TEXT_READY_BESIDE_VOCALS: Final = Fault(200, "Text generation completed successfully.")
"""What add-instrumental says instead."""
TECHNICAL: Final = "Generation failed due to technical issues"
"""What replace-section says in ``error``."""

SECTION: Final = Span("infillStartS", "infillEndS", 6, 60)
"""What replace-section takes."""


class Track(msgspec.Struct, frozen=True):
    """A song of a result, as providers tell it."""

    id: str
    audio: str
    image: str
    title: str
    tags: str
    prompt: str
    """Its lyrics."""
    model_name: str
    duration: float
    """Seconds."""


class Tracks(msgspec.Struct, frozen=True):
    """The songs of a result or a stage."""

    tracks: list[Track] = []


class Music(Dedicated):
    """``/api/v1/generate…``. ``wire`` chooses how strictly upload-extend is read."""

    name = "suno"
    record_path = "/api/v1/generate/record-info"
    creates = (
        GENERATE,
        EXTEND,
        UPLOAD_COVER,
        UPLOAD_EXTEND,
        ADD_INSTRUMENTAL,
        ADD_VOCALS,
        REPLACE_SECTION,
        MASHUP,
        SOUNDS,
    )
    staged = True
    texts: ClassVar[Mapping[FailKind | int, str]] = {501: "Audio generation failed"}

    def __init__(self, wire: WireBehaviour = WireBehaviour.DOCUMENTED) -> None:
        self._observed = wire is WireBehaviour.OBSERVED

    def parse(self, create: Create, body: JsonObject, idempotency_key: str | None = None) -> Draft:
        draft = super().parse(create, body, idempotency_key)
        if create is REPLACE_SECTION:
            SECTION.check(draft.input)
        if create is UPLOAD_EXTEND and not self._observed:
            _check_own_parameters(draft.input)
        return draft

    def missing(self) -> bytes:
        """The wire answers an unknown id as one that went well, with nothing to show."""
        return success(None)

    def data(self, record: Record) -> JsonObject:
        fault = self.fault(record) if failed(record) else None
        operation = record.model.removeprefix("suno-").replace("-", "_")
        return {
            "taskId": record.task_id,
            "parentMusicId": record.input.get("audioId", ""),
            "param": param_json(record),
            "response": _response(record),
            "status": _status(record),
            "type": operation.upper(),
            "operationType": operation,
            "errorCode": fault.code if fault else None,
            "errorMessage": fault.text if fault else None,
        }

    def callback(self, record: Record, stage: str) -> Message:
        body = self.told(record) if stage == END else _reached(record, stage)
        return Message(record.task_id, _encode(body).decode())

    def told(self, record: Record) -> JsonObject:
        if succeeded(record):
            return _told(COMPLETE, record, "complete", data=[_told_track(t, record) for t in _tracks(record)])
        fault = self.fault(record)
        if record.model not in REPLACE_SECTION.models:
            return _told(fault, record, "error", data=None)
        return _told(fault, record, "error", error=record.fail_message or TECHNICAL)

    def fault(self, record: Record) -> Fault:
        fault = super().fault(record)
        if record.model in REPLACE_SECTION.models and fault.text == self.texts[501]:
            return Fault(fault.code, f"{fault.text}.")
        return fault


def _reached(record: Record, stage: str) -> JsonObject:
    """What the receiver is told on the way."""
    if stage == TEXT:
        beside_vocals = record.model in ADD_INSTRUMENTAL.models
        return _told(TEXT_READY_BESIDE_VOCALS if beside_vocals else TEXT_READY, record, TEXT, data=[])
    return _told(FIRST_READY, record, stage, data=[_told_track(t, record) for t in _tracks(record)])


def _told(fault: Fault, record: Record, kind: str, **more: Any) -> JsonObject:
    data = {"callbackType": kind, "task_id": record.task_id, **more}
    return {"code": fault.code, "msg": fault.text, "data": data}


def _tracks(record: Record) -> list[Track]:
    """The songs there are so far."""
    if record.result:
        return msgspec.json.decode(record.result, type=Tracks).tracks
    first = next((stage for stage in record.stages if stage.name == FIRST), None)
    return msgspec.convert(first.data, Tracks).tracks if first else []


def _response(record: Record) -> JsonObject | None:
    if failed(record) or not (succeeded(record) or record.stages):
        return None
    tracks = [_recorded_track(track, record) for track in _tracks(record)]
    return {"taskId": record.task_id, "sunoData": tracks}


def _recorded_track(track: Track, record: Record) -> JsonObject:
    """A song in the record. One stored file is the song, its stream and its source."""
    return {
        "id": track.id,
        "audioUrl": track.audio,
        "sourceAudioUrl": track.audio,
        "streamAudioUrl": track.audio,
        "sourceStreamAudioUrl": track.audio,
        "imageUrl": track.image,
        "sourceImageUrl": track.image,
        "prompt": track.prompt,
        "modelName": track.model_name,
        "title": track.title,
        "tags": track.tags,
        "createTime": spaced(record.created_at),
        "duration": track.duration,
    }


def _told_track(track: Track, record: Record) -> JsonObject:
    """A song in a callback: ``createTime`` alone is not written with underscores."""
    return {
        "id": track.id,
        "audio_url": track.audio,
        "source_audio_url": track.audio,
        "stream_audio_url": track.audio,
        "source_stream_audio_url": track.audio,
        "image_url": track.image,
        "source_image_url": track.image,
        "prompt": track.prompt,
        "model_name": track.model_name,
        "title": track.title,
        "tags": track.tags,
        "createTime": spaced(record.created_at),
        "duration": track.duration,
    }


def _status(record: Record) -> str:
    if succeeded(record):
        return "SUCCESS"
    if failed(record):
        if record.fail_kind is FailKind.MODERATION:
            return "SENSITIVE_WORD_ERROR"
        return "CREATE_TASK_FAILED" if record.fail_kind in NEVER_STARTED else "GENERATE_AUDIO_FAILED"
    reached = {stage.name for stage in record.stages}
    return "FIRST_SUCCESS" if FIRST in reached else "TEXT_SUCCESS" if TEXT in reached else "PENDING"


def _check_own_parameters(input: JsonObject) -> None:
    """The documented rule; recorded calls broke it and were taken, hence the switch. Raises Refusal."""
    if input.get("defaultParamFlag") not in (True, "true"):
        return
    for name in ("style", "title"):
        if not input.get(name):
            why = "defaultParamFlag true needs style and title"
            raise Refusal(Reason.INVALID_INPUT, f"{name} is required: {why}", field=name)
