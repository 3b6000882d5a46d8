"""The MIDI API: the notes of a song's stems, as JSON."""

from typing import Any, Final

import msgspec

from souk.dialects.dedicated import Create, Fault, failed, flag, succeeded
from souk.dialects.suno.stems import Stems, stems_of
from souk.dialects.suno.tool import Tool
from souk.operations.records import Record
from souk.operations.types import Draft
from souk.words import JsonObject

GENERATE: Final = Create("/api/v1/midi/generate", ("suno-midi",), needs_callback=True)
COMPLETE: Final = "complete"


class Note(msgspec.Struct, frozen=True):
    """One note; seconds from the start of the song, velocity from 0 to 1."""

    pitch: int
    start: float
    end: float
    velocity: float


class Instrument(msgspec.Struct, frozen=True):
    """All notes of one part."""

    name: str
    notes: list[Note]


class _Made(msgspec.Struct, frozen=True):
    instruments: list[Instrument] = []


class Midi(Tool):
    """``/api/v1/midi/…``."""

    name = "suno-midi"
    record_path = "/api/v1/midi/record-info"
    creates = (GENERATE,)
    own = Fault(500, "MIDI generation failed")

    def parent(self, draft: Draft) -> tuple[str, str] | None:
        task_id = draft.input.get("taskId")
        if draft.input.get("audioId") or draft.input.get("stems") or not isinstance(task_id, str):
            return None
        return Stems.name, task_id

    def completed(self, draft: Draft, parent: Record) -> Draft:
        """All of the task's stems, named one by one, because notes are known of stems and not of tasks."""
        stems = [stem.id for stem in stems_of(parent)]
        return draft.with_filled(stems=stems) if stems else draft

    def data(self, record: Record, number: int = 0) -> JsonObject:  # noqa: ARG002 - shows no number
        fault = self.fault(record) if failed(record) else None
        return {
            "taskId": record.task_id,
            "recordTaskId": -1,
            "audioId": record.input.get("audioId"),
            "callbackUrl": record.callback_url,
            "completeTime": record.completed_at,
            "midiData": {"state": COMPLETE, "instruments": _notes(record)} if succeeded(record) else None,
            "successFlag": flag(record),
            "createTime": record.created_at,
            "errorCode": str(fault.code) if fault else None,
            "errorMessage": fault.text if fault else None,
        }

    def told(self, record: Record) -> JsonObject:
        data: dict[str, Any] = {"taskId": record.task_id}
        if failed(record):
            fault = self.told_fault(record)
            return {"code": fault.code, "msg": fault.text, "data": data}
        data |= {"state": COMPLETE, "instruments": _notes(record, as_text=True)}
        return {"code": 200, "msg": "success", "data": data}


def _notes(record: Record, *, as_text: bool = False) -> list[JsonObject]:
    """Every instrument with its notes; a callback writes their moments as text."""
    made = msgspec.json.decode(record.result or "{}", type=_Made)
    return [
        {
            "name": instrument.name,
            "notes": [
                {
                    "pitch": note.pitch,
                    "start": str(note.start) if as_text else note.start,
                    "end": str(note.end) if as_text else note.end,
                    "velocity": note.velocity,
                }
                for note in instrument.notes
            ],
        }
        for instrument in made.instruments
    ]
