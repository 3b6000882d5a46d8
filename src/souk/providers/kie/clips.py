"""KIE.AI's dedicated APIs for pictures and clips: 4o, Flux Kontext, Runway, Aleph and Veo."""

from typing import Any, Final, cast

from souk.providers.base import Accepted, Done, Failed, Job, Running, Unreachable
from souk.providers.kie.envelope import Answer, failed, not_taken
from souk.providers.kie.flagged import Flagged, addresses, finished
from souk.providers.kie.wire import Call, Recorded, given, no_record, with_query
from souk.words import JsonObject

VEO_RECORD: Final = "/api/v1/veo/record-info"
NOT_READY: Final = 422
"""The code that a finer copy is answered with while it is being made, and the words that tell so."""
UNDER_WAY: Final = "processing"
READY: Final = "generated successfully"


def _listed(response: JsonObject) -> JsonObject:
    found = addresses(response.get("resultUrls") or response.get("result_urls"))
    whole = addresses(response.get("fullResultUrls"))
    return {"resultUrls": found, **({"fullResultUrls": whole} if whole else {})} if found else {}


def _picture(response: JsonObject) -> JsonObject:
    found = addresses(response.get("resultImageUrl"))
    return {"resultUrls": found} if found else {}


def _changed(response: JsonObject) -> JsonObject:
    return _with_cover(response.get("resultVideoUrl"), response.get("resultImageUrl"))


def _with_cover(clip: Any, cover: Any) -> JsonObject:
    found, covers = addresses(clip), addresses(cover)
    if not found:
        return {}
    return {"resultUrls": found, **({"coverUrl": covers[0]} if covers else {})}


class _Runway(Recorded):
    """Runway tells by ``state``, and what it made in ``videoInfo``."""

    def read(self, record: JsonObject, job: Job) -> Running | Done | Failed:
        match record.get("state"):
            case "success":
                info = record.get("videoInfo")
                made = cast(JsonObject, info) if isinstance(info, dict) else {}
                return finished(_with_cover(made.get("videoUrl"), made.get("imageUrl")), record, job)
            case "fail":
                return failed(record.get("failCode"), record.get("failMsg"), job.connection)
            case "wait" | "queueing":
                return Running(queued=True)
            case str():
                return Running()
            case _:
                raise Unreachable("the record has no state")


class _Copy:
    """A finer copy of a Veo clip: the same call begins it, says how far it is, and has it at last."""

    def __init__(self, path: str, method: str) -> None:
        self._path = path
        self._method = method

    def create(self, job: Job) -> Call:
        asked = given(job)
        return self._call(str(asked.get("taskId", "")), asked.get("index") or 0)

    def taken(self, answer: Answer, job: Job) -> Accepted | Done:
        """Whatever the answer, the clip is named by its task; a second call for it makes no second copy."""
        if answer.fine or _speaks_of_copy(answer):
            asked = given(job)
            return Accepted(f"{asked.get('taskId', '')}:{asked.get('index') or 0}")
        raise not_taken(answer, job.connection)

    def look(self, job: Job, ref: str) -> Call:  # noqa: ARG002 - the same for every job
        clip, _, index = ref.partition(":")
        return self._call(clip, int(index or 0))

    def verdict(self, answer: Answer, job: Job, ref: str) -> Running | Done | Failed:  # noqa: ARG002 - the clip's own
        record = answer.record
        found = addresses(record.get("resultUrl") or record.get("resultUrls"))
        if found:
            return finished(_with_cover(found, record.get("imageUrls")), record, job)
        if answer.fine or _speaks_of_copy(answer):
            return Running()
        if answer.code in (500, 501):
            return failed(answer.code, answer.message, job.connection)
        raise no_record(answer, job)

    def _call(self, clip: str, index: Any) -> Call:
        asked = {"taskId": clip, "index": index}
        if self._method == "GET":
            return Call("GET", with_query(self._path, asked))
        return Call("POST", self._path, asked)


def _speaks_of_copy(answer: Answer) -> bool:
    said = answer.message.lower()
    return answer.code == NOT_READY and (UNDER_WAY in said or READY in said)


FOUR_O = Flagged("/api/v1/gpt4o-image/generate", "/api/v1/gpt4o-image/record-info", _listed)
KONTEXT = Flagged(
    "/api/v1/flux/kontext/generate", "/api/v1/flux/kontext/record-info", _picture, names_model=True
)
RUNWAY = _Runway("/api/v1/runway/generate", "/api/v1/runway/record-detail")
RUNWAY_EXTEND = _Runway("/api/v1/runway/extend", "/api/v1/runway/record-detail")
ALEPH = Flagged("/api/v1/aleph/generate", "/api/v1/aleph/record-info", _changed)
VEO = Flagged("/api/v1/veo/generate", VEO_RECORD, _listed, names_model=True)
VEO_EXTEND = Flagged("/api/v1/veo/extend", VEO_RECORD, _listed)
VEO_FULL_HD = _Copy("/api/v1/veo/get-1080p-video", "GET")
VEO_ULTRA_HD = _Copy("/api/v1/veo/get-4k-video", "POST")
