"""KIE.AI's Suno APIs around songs: lyrics, sound files, stems, notes, clips, covers, voices, and calls done at once."""

import re
from typing import Any, Final

from souk.providers.answers import as_object, is_address, objects
from souk.providers.base import Accepted, Done, Failed, Job, NewPiece, OutputFile, Running, file_reference
from souk.providers.kie.envelope import Answer, failed, task_id
from souk.providers.kie.flagged import COVER_NUMBERS, Flagged, addresses, of_word
from souk.providers.kie.wire import AtOnce, Recorded
from souk.words import JsonObject

MADE_BEFORE: Final = (400, 409)
"""Codes that come with the id of the task which did the same before."""

OTHER_NAMES: Final = {"vocals": "vocal"}
"""Groups whose name in records is not the one of the keys beside them."""


class _Once(Flagged):
    """An API that does a thing once for a song: asked again it names the task that did it."""

    def taken(self, answer: Answer, job: Job) -> Accepted | Done:
        earlier = answer.record.get("taskId")
        if answer.code in MADE_BEFORE and answer.status < 300 and isinstance(earlier, str) and earlier:
            return Accepted(earlier)
        return Accepted(task_id(answer, job.connection))


class _Lyrics(Recorded):
    """Variants of a text. One that failed is left out."""

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        state = of_word(str(record.get("status", "")))
        if state == "failed":
            return failed(record.get("errorCode"), record.get("errorMessage"), job.connection)
        written = [
            {"title": str(item.get("title") or ""), "text": str(item["text"])}
            for item in objects(as_object(record.get("response")).get("data"))
            if item.get("text")
        ]
        return Done([], {"variants": written}) if state == "done" and written else Running()


class _Stems(Flagged):
    """Stems, each a piece of its own that the notes API can be asked about."""

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        verdict = super().read(record, job)
        if not isinstance(verdict, Done):
            return verdict
        stems = objects(as_object(record.get("response")).get("originData"))
        found = [stem for stem in stems if is_address(stem.get("audio_url"))]
        shown = [
            {
                "id": {"$piece": number},
                "part": _part(stem),
                "name": str(stem.get("stem_type_group_name", "")),
                "url": file_reference(number),
                "duration": float(stem.get("duration") or 0),
            }
            for number, stem in enumerate(found)
        ]
        facts = [{name: stem[name] for name in ("part", "name", "duration")} for stem in shown]
        return Done(
            [
                OutputFile(url=str(stem["audio_url"]), label=str(told["name"]))
                for stem, told in zip(found, shown, strict=True)
            ],
            {"resultUrls": [stem["url"] for stem in shown], "stems": shown},
            verdict.cost,
            pieces=tuple(
                NewPiece("stem", str(stem.get("id") or ""), file=number, data=facts[number])
                for number, stem in enumerate(found)
            ),
        )


class _Notes(Flagged):
    """Notes of stems; none where nothing was found."""

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        verdict = super().read(record, job)
        if not isinstance(verdict, Done):
            return verdict
        instruments = [_instrument(item) for item in objects(verdict.result["instruments"])]
        return Done([], {"instruments": instruments}, verdict.cost)


class _Spoken(Recorded):
    """The voice API, whose records have a ``status``."""

    def __init__(self, path: str, record: str, key: str, done: str) -> None:
        super().__init__(path, record)
        self._key = key
        self._done = done

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        status, made = str(record.get("status", "")), str(record.get(self._key) or "")
        if status in ("fail", "processing_validate_fail"):
            return failed(record.get("errorCode"), record.get("errorMessage"), job.connection)
        if status not in (self._done, "success") or not made:
            return Running()
        if self._key == "voiceId":
            return Done([], {"voiceId": {"$piece": 0}}, pieces=(NewPiece("voice", made),))
        return Done([], {self._key: made})


class _Given(AtOnce):
    """A call that answers with facts; all of the wanted keys, or it has not answered."""

    def __init__(self, path: str, *keys: str) -> None:
        super().__init__(path)
        self._keys = keys

    def read(self, data: JsonObject, job: Job) -> Done | None:  # noqa: ARG002 - the same for every job
        found = {key: data[key] for key in self._keys if key in data}
        return Done([], found) if self._keys[0] in found else None


class _Named(AtOnce):
    """A call that answers with the id of something later tasks can name."""

    def __init__(self, path: str, key: str) -> None:
        super().__init__(path)
        self._key = key

    def read(self, data: JsonObject, job: Job) -> Done | None:
        made = data.get(self._key)
        if not isinstance(made, str) or not made:
            return None
        (kind,) = job.output["pieces"]
        return Done([], {self._key: {"$piece": 0}}, pieces=(NewPiece(kind, made),))


def _one(key: str) -> Any:
    def made(response: JsonObject) -> JsonObject:
        found = addresses(response.get(key))
        return {"resultUrls": found} if found else {}

    return made


def _stem_urls(response: JsonObject) -> JsonObject:
    urls = [stem.get("audio_url") for stem in objects(response.get("originData"))]
    return {"resultUrls": addresses(urls)} if addresses(urls) else {}


def _instruments(response: JsonObject) -> JsonObject:
    return {"instruments": response.get("instruments") or []}


def _instrument(item: JsonObject) -> JsonObject:
    """Moments come as numbers in one place and as text in another."""
    notes = [
        {
            "pitch": int(note.get("pitch") or 0),
            "start": float(note.get("start") or 0),
            "end": float(note.get("end") or 0),
            "velocity": float(note.get("velocity") or 0),
        }
        for note in objects(item.get("notes"))
    ]
    return {"name": str(item.get("name") or ""), "notes": notes}


def _part(stem: JsonObject) -> str:
    """A stem's part, such as ``backing_vocals``, by the name of its group."""
    name = re.sub(r"[^a-z]+", "_", str(stem.get("stem_type_group_name", "")).lower())
    return OTHER_NAMES.get(name, name)


LYRICS = _Lyrics("/api/v1/lyrics", "/api/v1/lyrics/record-info", insists=True)
WAV = _Once("/api/v1/wav/generate", "/api/v1/wav/record-info", _one("audioWavUrl"), insists=True)
VIDEO = _Once("/api/v1/mp4/generate", "/api/v1/mp4/record-info", _one("videoUrl"), insists=True)
COVER = _Once(
    "/api/v1/suno/cover/generate",
    "/api/v1/suno/cover/record-info",
    _one("images"),
    numbers=COVER_NUMBERS,
    insists=True,
)
STEMS = _Stems(
    "/api/v1/vocal-removal/generate", "/api/v1/vocal-removal/record-info", _stem_urls, insists=True
)
NOTES = _Notes(
    "/api/v1/midi/generate", "/api/v1/midi/record-info", _instruments, response="midiData", insists=True
)
PHRASE = _Spoken("/api/v1/voice/validate", "/api/v1/voice/validate-info", "validateInfo", "wait_validating")
VOICE = _Spoken("/api/v1/voice/generate", "/api/v1/voice/record-info", "voiceId", "success")
STYLE = _Given("/api/v1/style/generate", "result")
TIMED_LYRICS = _Given(
    "/api/v1/generate/get-timestamped-lyrics", "alignedWords", "waveformData", "hootCer", "isStreamed"
)
PERSONA = _Named("/api/v1/generate/generate-persona", "personaId")
OMNI_AUDIO = _Named("/api/v1/omni/audio/create", "kieAudioId")
OMNI_CHARACTER = _Named("/api/v1/omni/character/create", "kieCharacterId")
