"""KIE.AI's Suno APIs that make songs: one record for all of them, with stages on the way."""

from typing import Any, Final, cast

from souk.providers.answers import is_address
from souk.providers.base import Done, Failed, Job, NewPiece, OutputFile, Running, file_reference
from souk.providers.kie.envelope import cost, failed, whole
from souk.providers.kie.flagged import of_word
from souk.providers.kie.wire import Recorded
from souk.words import JsonObject

RECORD: Final = "/api/v1/generate/record-info"
SONG: Final = "song"


class Songs(Recorded):
    """A create of songs. The service insists on an address to report to."""

    def __init__(self, path: str) -> None:
        super().__init__(path, RECORD, insists=True)

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        word = str(record.get("status", ""))
        state = of_word(word)
        if state == "failed":
            return failed(record.get("errorCode"), record.get("errorMessage"), job.connection)
        tracks = _tracks(record)
        if state == "done":
            return _done(tracks, record)
        if word == "FIRST_SUCCESS" and tracks and is_address(tracks[0].get("audioUrl")):
            shown, files, _ = _shown(tracks[:1])
            return Running(stage="first", data={"tracks": shown}, files=files)
        if word in ("TEXT_SUCCESS", "FIRST_SUCCESS"):
            return Running(stage="text", data=_text(tracks))
        return Running()


def _done(tracks: list[JsonObject], record: JsonObject) -> Done | Running:
    """All songs, once each has its sound."""
    if not tracks or not all(is_address(track.get("audioUrl")) for track in tracks):
        return Running()
    shown, files, pieces = _shown(tracks)
    result = {"resultUrls": [track["audio"] for track in shown], "tracks": shown}
    return Done(files, result, cost(record.get("creditsConsumed")), pieces=pieces)


def _tracks(record: JsonObject) -> list[JsonObject]:
    response = record.get("response")
    listed: Any = cast(JsonObject, response).get("sunoData") if isinstance(response, dict) else None
    found = cast(list[Any], listed) if isinstance(listed, list) else []
    return [cast(JsonObject, track) for track in found if isinstance(track, dict)]


def _text(tracks: list[JsonObject]) -> JsonObject:
    first = tracks[0] if tracks else {}
    return {"lyrics": _said(first, "prompt"), "title": _said(first, "title"), "tags": _said(first, "tags")}


def _shown(tracks: list[JsonObject]) -> tuple[list[JsonObject], list[OutputFile], tuple[NewPiece, ...]]:
    """Songs as results tell them, with their files and the pieces later tasks can name."""
    shown: list[JsonObject] = []
    files: list[OutputFile] = []
    pieces: list[NewPiece] = []
    for number, track in enumerate(tracks):
        facts = {name: _said(track, name) for name in ("title", "tags")}
        facts |= {"duration": _seconds(track.get("duration"))}
        lyrics, model = _said(track, "prompt"), _said(track, "modelName")
        sound = len(files)
        files.append(OutputFile(url=str(track["audioUrl"])))
        image: Any = ""
        if is_address(track.get("imageUrl")):
            image = file_reference(len(files))
            files.append(OutputFile(url=str(track["imageUrl"])))
        shown.append(
            {"id": {"$piece": number}, "audio": file_reference(sound), "image": image, "prompt": lyrics}
            | {"model_name": model, **facts}
        )
        known = {"lyrics": lyrics, "model": model, **facts}
        pieces.append(NewPiece(SONG, _said(track, "id"), file=sound, data=known))
    return shown, files, tuple(pieces)


def _said(track: JsonObject, name: str) -> str:
    value = track.get(name)
    return value if isinstance(value, str) else ""


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float(whole(value, 0))
