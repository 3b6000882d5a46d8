"""What Suno's tools answer by their documents, tool by tool: the table the wire tests go through."""

from dataclasses import dataclass
from typing import Any, Final

from tests.wire.dedicated import ID, JSON, MP4, MS, PNG, SPACED, Like
from tests.wire.serving import Client

TASK: Final = "a finished music task"
SONG: Final = "its second song"
SEPARATED: Final = "a finished separation"
PHRASE: Final = "a task with a phrase"
SOUND: Final = "a served sound"
HOOK: Final = Like(r"http://.*")

PRECISE: Final = Like(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ")
WAV: Final = Like(r"http://.*\.wav")
WORDS: Final = Like(r"(?s).+")


class Listed:
    """Equal to a list of one or more of these."""

    def __init__(self, item: Any) -> None:
        self._item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and bool(other) and all(each == self._item for each in other)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"Listed({self._item!r})"


class Number:
    """Equal to every number from 0 on."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and not isinstance(other, bool) and other >= 0

    def __hash__(self) -> int:
        return 0


@dataclass(frozen=True)
class Tool:
    """A create call and all that follows from it."""

    path: str
    record: str
    request: dict[str, Any]
    """Constants of this module stand for what is only known later."""
    waiting: dict[str, Any]
    done: dict[str, Any]
    failed: dict[str, Any]
    """Each the record's ``data``, keys in order; failed by a fault of the service."""
    told: dict[str, Any]
    told_failed: dict[str, Any]
    """Callback bodies."""
    needs_callback: bool = True


INTERNAL: Final = "Internal Error - Please try again later."


def lyrics() -> Tool:
    waiting = {
        "taskId": ID,
        "param": JSON,
        "response": None,
        "status": "PENDING",
        "type": "LYRICS",
        "errorCode": None,
        "errorMessage": None,
    }
    variant = {"text": WORDS, "title": WORDS, "status": "complete", "errorMessage": ""}
    told = {"error_message": "", "status": "complete", "text": WORDS, "title": WORDS}
    failed = {"status": "GENERATE_LYRICS_FAILED", "errorCode": 500, "errorMessage": INTERNAL}
    return Tool(
        "/api/v1/lyrics",
        "/api/v1/lyrics/record-info",
        {"prompt": "A short song about morning coffee"},
        waiting,
        waiting | {"status": "SUCCESS", "response": {"taskId": ID, "data": [variant, variant]}},
        waiting | failed,
        {
            "code": 200,
            "msg": "All generated successfully.",
            "data": {"callbackType": "complete", "task_id": ID, "data": [told, told]},
        },
        {"code": 500, "msg": INTERNAL, "data": {"callbackType": "complete", "task_id": ID, "data": None}},
    )


def of_song(name: str, key: str, file: Any, told: tuple[dict[str, Any], dict[str, Any]], **more: Any) -> Tool:
    """WAV and MP4, which are alike."""
    waiting = song_record(SPACED)
    failed = {"successFlag": f"GENERATE_{name.upper()}_FAILED", "errorCode": 500, "errorMessage": INTERNAL}
    return Tool(
        f"/api/v1/{name}/generate",
        f"/api/v1/{name}/record-info",
        {"taskId": TASK, "audioId": SONG, **more},
        waiting,
        waiting | {"completeTime": SPACED, "response": {key: file}, "successFlag": "SUCCESS"},
        waiting | {"completeTime": SPACED} | failed,
        {"code": 200, "msg": "success", "data": told[0]},
        {"code": 500, "msg": INTERNAL.removesuffix("."), "data": told[1]},
    )


def song_record(moment: Any) -> dict[str, Any]:
    return {
        "taskId": ID,
        "musicId": ID,
        "callbackUrl": HOOK,
        "musicIndex": 1,
        "completeTime": None,
        "response": None,
        "successFlag": "PENDING",
        "createTime": moment,
        "errorCode": None,
        "errorMessage": None,
    }


STEM_KEYS: Final = (
    "instrumentalUrl",
    "vocalUrl",
    "backingVocalsUrl",
    "drumsUrl",
    "bassUrl",
    "guitarUrl",
    "pianoUrl",
    "keyboardUrl",
    "percussionUrl",
    "stringsUrl",
    "synthUrl",
    "fxUrl",
    "brassUrl",
    "woodwindsUrl",
)


def stem_file(name: str) -> Like:
    """The address of a stem, which ends in what it is."""
    return Like(rf"http://.*/[0-9a-f]+_{name}\.mp3")


def stems() -> Tool:
    waiting = song_record(MS)
    vocals, instrumental = (stem_file(name) for name in ("Vocals", "Instrumental"))
    origin = [
        {"duration": 10.0, "audio_url": file, "stem_type_group_name": name, "id": ID}
        for name, file in (("Vocals", vocals), ("Instrumental", instrumental))
    ]
    response = {"id": None, "originUrl": None, "originData": origin}
    response |= dict.fromkeys(STEM_KEYS) | {"instrumentalUrl": instrumental, "vocalUrl": vocals}
    failed = {"successFlag": "GENERATE_AUDIO_FAILED", "errorCode": 500, "errorMessage": INTERNAL}
    info = {"instrumental_url": instrumental, "origin_url": "", "vocal_url": vocals}
    return Tool(
        "/api/v1/vocal-removal/generate",
        "/api/v1/vocal-removal/record-info",
        {"taskId": TASK, "audioId": SONG, "type": "separate_vocal"},
        waiting,
        waiting | {"completeTime": MS, "response": response, "successFlag": "SUCCESS"},
        waiting | {"completeTime": MS} | failed,
        {
            "code": 200,
            "msg": "vocal separation generated successfully.",
            "data": {"task_id": ID, "vocal_separation_info": info},
        },
        {
            "code": 500,
            "msg": "Vocal separation failed",
            "data": {"task_id": ID, "vocal_separation_info": None},
        },
    )


def midi() -> Tool:
    waiting = {
        "taskId": ID,
        "recordTaskId": -1,
        "audioId": None,
        "callbackUrl": HOOK,
        "completeTime": None,
        "midiData": None,
        "successFlag": 0,
        "createTime": MS,
        "errorCode": None,
        "errorMessage": None,
    }
    note = {"pitch": Number(), "start": Number(), "end": Number(), "velocity": Number()}
    text = Like(r"\d+\.\d+")
    made = {"state": "complete", "instruments": Listed({"name": WORDS, "notes": Listed(note)})}
    told = Listed({"name": WORDS, "notes": Listed(note | {"start": text, "end": text})})
    text_failed = "MIDI generation failed"
    failed = {"successFlag": 3, "errorCode": "500", "errorMessage": text_failed}
    return Tool(
        "/api/v1/midi/generate",
        "/api/v1/midi/record-info",
        {"taskId": SEPARATED},
        waiting,
        waiting | {"completeTime": MS, "midiData": made, "successFlag": 1},
        waiting | {"completeTime": MS} | failed,
        {"code": 200, "msg": "success", "data": {"taskId": ID, "state": "complete", "instruments": told}},
        {"code": 500, "msg": text_failed, "data": {"taskId": ID}},
    )


def cover() -> Tool:
    waiting = {
        "taskId": ID,
        "parentTaskId": ID,
        "callbackUrl": HOOK,
        "completeTime": None,
        "response": None,
        "successFlag": 0,
        "createTime": PRECISE,
        "errorCode": None,
        "errorMessage": "",
    }
    images = [PNG, PNG]
    text = "Internal Error, Please try again later."
    return Tool(
        "/api/v1/suno/cover/generate",
        "/api/v1/suno/cover/record-info",
        {"taskId": TASK},
        waiting,
        waiting
        | {"completeTime": PRECISE, "response": {"images": images}, "successFlag": 1, "errorCode": 200},
        waiting | {"completeTime": PRECISE, "successFlag": 3, "errorCode": 500, "errorMessage": text},
        {"code": 200, "msg": "success", "data": {"taskId": ID, "images": images}},
        {"code": 501, "msg": "Cover generation failed", "data": {"taskId": ID, "images": None}},
    )


def of_voice(
    path: str, record: str, request: dict[str, Any], key: str, made: Any, word: str, text: str
) -> Tool:
    """Both halves of the voice API, whose callbacks repeat their records."""
    waiting = {"taskId": ID, key: "", "status": "wait_processing", "errorCode": 0, "errorMessage": ""}
    done = waiting | {key: made, "status": word}
    failed = waiting | {"status": "fail", "errorCode": 500, "errorMessage": text}
    return Tool(
        path,
        record,
        request,
        waiting,
        done,
        failed,
        {"code": 200, "msg": "success", "data": done},
        {"code": 500, "msg": "fail", "data": failed},
        needs_callback=False,
    )


TOOLS: Final = {
    tool.path: tool
    for tool in (
        lyrics(),
        of_song(
            "wav",
            "audioWavUrl",
            WAV,
            ({"audioWavUrl": WAV, "task_id": ID}, {"audioWavUrl": None, "task_id": ID}),
        ),
        stems(),
        midi(),
        of_song(
            "mp4",
            "videoUrl",
            MP4,
            ({"task_id": ID, "video_url": MP4}, {"task_id": ID, "video_url": None}),
            author="Harbor Alto",
        ),
        cover(),
        of_voice(
            "/api/v1/voice/validate",
            "/api/v1/voice/validate-info",
            {"voiceUrl": SOUND, "vocalStartS": 0, "vocalEndS": 2, "language": "en"},
            "validateInfo",
            WORDS,
            "wait_validating",
            "phrase failed",
        ),
        of_voice(
            "/api/v1/voice/generate",
            "/api/v1/voice/record-info",
            {"taskId": PHRASE, "verifyUrl": SOUND, "voiceName": "Harbor"},
            "voiceId",
            ID,
            "success",
            "voice failed",
        ),
    )
}

_UNFINISHED: Final = {"PENDING", "0", "2", "wait_processing", "processing_validate"}
_MUSIC: Final = "/api/v1/generate"


async def ended(client: Client, record: str, task_id: str) -> dict[str, Any]:
    """The record of a task that has ended."""
    while True:
        data = (await client.get(record, taskId=task_id, wait=30)).data
        word = data.get("status", data.get("successFlag"))
        if str(word) not in _UNFINISHED and not str(word).startswith(("TEXT", "FIRST")):
            return data


async def music(client: Client, hook: str) -> tuple[str, list[str]]:
    """A new music task and the ids of its songs."""
    body = {
        "prompt": "Folk tune about a salt wind",
        "customMode": False,
        "instrumental": False,
        "model": "V5",
        "duration": 10,
        "callBackUrl": hook,
    }
    task_id = (await client.post(_MUSIC, body)).data["taskId"]
    data = await ended(client, f"{_MUSIC}/record-info", task_id)
    return task_id, [track["id"] for track in data["response"]["sunoData"]]
