"""The wording of Suno's music: records and callbacks at every stage, and the calls that answer with their result."""

import json
from typing import Any

import pytest

from souk.dialects.dedicated import Create
from souk.dialects.envelope import refused
from souk.dialects.suno import music
from souk.dialects.suno.music import Music
from souk.dialects.suno.persona import Persona, taken
from souk.dialects.suno.style import Style
from souk.dialects.suno.timed_lyrics import TimedLyrics
from souk.operations.records import Record, Stage
from souk.operations.types import Refusal
from souk.settings import WireBehaviour
from souk.store.outbox import END
from souk.words import Credits, FailKind, JsonObject, Mode, TaskId

CREATED = 1_772_100_131_000
TASK = TaskId("01a2030e9df57b818cf918b3fd7c4f5f")
HOOK = "https://app.example.invalid/told"
MUSIC = Music()
TRACK: JsonObject = {
    "id": "6b1f2c84",
    "audio": "http://souk/f/a.mp3",
    "image": "http://souk/f/a.jpg",
    "title": "Pier Song",
    "tags": "folk, warm",
    "prompt": "[Verse] Salt wind over the pier",
    "model_name": "chirp-v4-5",
    "duration": 176.32,
}
TOLD_TRACK: JsonObject = {
    "id": "6b1f2c84",
    "audio_url": "http://souk/f/a.mp3",
    "source_audio_url": "http://souk/f/a.mp3",
    "stream_audio_url": "http://souk/f/a.mp3",
    "source_stream_audio_url": "http://souk/f/a.mp3",
    "image_url": "http://souk/f/a.jpg",
    "source_image_url": "http://souk/f/a.jpg",
    "prompt": "[Verse] Salt wind over the pier",
    "model_name": "chirp-v4-5",
    "title": "Pier Song",
    "tags": "folk, warm",
    "createTime": "2026-02-26 10:02:11",
    "duration": 176.32,
}
RECORDED_NAMES = {
    "audio_url": "audioUrl",
    "source_audio_url": "sourceAudioUrl",
    "stream_audio_url": "streamAudioUrl",
    "source_stream_audio_url": "sourceStreamAudioUrl",
    "image_url": "imageUrl",
    "source_image_url": "sourceImageUrl",
    "model_name": "modelName",
}
RECORDED_TRACK = {RECORDED_NAMES.get(name, name): value for name, value in TOLD_TRACK.items()}
TEXT = Stage("text", {"lyrics": "[Verse]", "title": "Pier Song", "tags": "folk"}, CREATED)
FIRST = Stage("first", {"tracks": [TRACK]}, CREATED)


def record(model: str = "suno-generate", **changes: Any) -> Record:
    """A task that is under way, but for the changes."""
    plain: JsonObject = {
        "task_id": TASK,
        "model": model,
        "state": "generating",
        "inner_state": "generating",
        "mode": Mode.SANDBOX,
        "dialect": "suno",
        "input": {"prompt": "Salt wind", "model": "V5"},
        "callback_url": HOOK,
        "progress_url": None,
        "client_task_id": None,
        "result": None,
        "fail_kind": None,
        "fail_code": None,
        "fail_message": "",
        "retryable": False,
        "created_at": CREATED,
        "updated_at": CREATED,
        "completed_at": None,
        "progress": None,
        "credits": None,
        "connection": None,
        "upstream_model": None,
        "warnings": [],
    }
    return Record(**(plain | changes))


def done(model: str = "suno-generate", **changes: Any) -> Record:
    result = json.dumps({"resultUrls": [], "tracks": [TRACK, TRACK | {"id": "d07a94e3"}]})
    ended: JsonObject = {"state": "success", "result": result, "completed_at": CREATED, "credits": Credits(0)}
    return record(model, **(ended | changes))


def failed(kind: FailKind, model: str = "suno-generate", **changes: Any) -> Record:
    ended: JsonObject = {"state": "fail", "fail_kind": kind, "fail_message": "It did not work"}
    return record(model, **(ended | {"completed_at": CREATED} | changes))


def told(record: Record, stage: str = END) -> JsonObject:
    return json.loads(MUSIC.callback(record, stage).body)


def test_the_words_are_told_without_tracks() -> None:
    assert told(record(stages=(TEXT,)), "text") == {
        "code": 200,
        "msg": "Text generation completed.",
        "data": {"callbackType": "text", "task_id": TASK, "data": []},
    }


def test_an_accompaniment_says_it_with_one_word_more() -> None:
    said = told(record("suno-add-instrumental", stages=(TEXT,)), "text")
    assert said["msg"] == "Text generation completed successfully."


def test_the_first_track_is_told_alone() -> None:
    assert told(record(stages=(TEXT, FIRST)), "first") == {
        "code": 200,
        "msg": "First track generated successfully.",
        "data": {"callbackType": "first", "task_id": TASK, "data": [TOLD_TRACK]},
    }


def test_the_end_tells_all_tracks() -> None:
    assert told(done()) == {
        "code": 200,
        "msg": "All generated successfully.",
        "data": {
            "callbackType": "complete",
            "task_id": TASK,
            "data": [TOLD_TRACK, TOLD_TRACK | {"id": "d07a94e3"}],
        },
    }


def test_a_failure_is_told_without_data() -> None:
    assert told(failed(FailKind.TRANSIENT)) == {
        "code": 501,
        "msg": "Audio generation failed",
        "data": {"callbackType": "error", "task_id": TASK, "data": None},
    }


def test_a_failed_section_tells_why_in_words_of_its_own() -> None:
    assert told(failed(FailKind.TRANSIENT, "suno-replace-section", fail_message="")) == {
        "code": 501,
        "msg": "Audio generation failed.",
        "data": {
            "callbackType": "error",
            "task_id": TASK,
            "error": "Generation failed due to technical issues",
        },
    }


def test_a_code_the_upstream_named_is_kept() -> None:
    said = told(failed(FailKind.TRANSIENT, fail_code=531))
    assert (said["code"], said["msg"]) == (531, "It did not work")


def test_a_waiting_task_has_the_documented_record() -> None:
    data = MUSIC.data(record(callback_url=None))
    assert data == {
        "taskId": TASK,
        "parentMusicId": "",
        "param": '{"prompt":"Salt wind","model":"V5"}',
        "response": None,
        "status": "PENDING",
        "type": "GENERATE",
        "operationType": "generate",
        "errorCode": None,
        "errorMessage": None,
    }


def test_the_record_writes_tracks_in_camel_case() -> None:
    shown = MUSIC.data(done())["response"]
    assert shown == {"taskId": TASK, "sunoData": [RECORDED_TRACK, RECORDED_TRACK | {"id": "d07a94e3"}]}


@pytest.mark.parametrize(
    ("stages", "status", "tracks"),
    [((TEXT,), "TEXT_SUCCESS", []), ((TEXT, FIRST), "FIRST_SUCCESS", [RECORDED_TRACK])],
)
def test_the_record_shows_what_is_reached(stages: tuple[Stage, ...], status: str, tracks: list[Any]) -> None:
    data = MUSIC.data(record(stages=stages))
    assert (data["status"], data["response"]["sunoData"]) == (status, tracks)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FailKind.MODERATION, "SENSITIVE_WORD_ERROR", 400),
        (FailKind.INPUT_UNREACHABLE, "CREATE_TASK_FAILED", 451),
        (FailKind.BAD_INPUT, "GENERATE_AUDIO_FAILED", 422),
        (FailKind.TIMEOUT, "GENERATE_AUDIO_FAILED", 408),
    ],
)
def test_a_failure_has_the_status_and_code_of_its_kind(kind: FailKind, status: str, code: int) -> None:
    data = MUSIC.data(failed(kind, stages=(TEXT, FIRST)))
    assert (data["status"], data["errorCode"], data["response"]) == (status, code, None)


def test_the_record_names_the_track_it_builds_on() -> None:
    data = MUSIC.data(record("suno-upload-extend", input={"audioId": "6b1f2c84"}))
    assert (data["parentMusicId"], data["type"]) == ("6b1f2c84", "UPLOAD_EXTEND")
    assert data["operationType"] == "upload_extend"


def test_an_unknown_task_is_answered_as_one_that_went_well() -> None:
    assert MUSIC.missing() == b'{"code":200,"msg":"success","data":null}'


@pytest.mark.parametrize("create", [create for create in Music.creates if create.needs_callback])
def test_a_create_without_a_receiver_is_refused_in_the_words_of_the_wire(create: Create) -> None:
    with pytest.raises(Refusal) as refusal:
        MUSIC.parse(create, {"prompt": "x"})
    answer = json.loads(refused(refusal.value, "1"))
    assert (answer["code"], answer["msg"], answer["data"]) == (422, "Please enter callBackUrl.", None)


@pytest.mark.parametrize("create", [music.REPLACE_SECTION, music.SOUNDS])
def test_sections_and_sounds_need_no_receiver(create: Create) -> None:
    assert MUSIC.parse(create, {"prompt": "x"}).callback_url is None


@pytest.mark.parametrize(("start", "end"), [(0, 5.99), (10, 70.5), ("20", "21"), (30, 20)])
def test_a_section_is_held_to_its_length(start: Any, end: Any) -> None:
    with pytest.raises(Refusal, match="6 to 60 seconds"):
        MUSIC.parse(music.REPLACE_SECTION, {"infillStartS": start, "infillEndS": end})


def test_a_section_that_is_no_number_is_left_to_the_schema() -> None:
    MUSIC.parse(music.REPLACE_SECTION, {"infillStartS": "soon", "infillEndS": 20})


OWN = {"defaultParamFlag": True, "prompt": "On", "callBackUrl": HOOK}


@pytest.mark.parametrize("missing", ["style", "title"])
def test_an_upload_that_goes_on_needs_what_is_documented(missing: str) -> None:
    body = {"style": "Folk", "title": "Pier Song", **OWN, missing: ""}
    with pytest.raises(Refusal) as refusal:
        MUSIC.parse(music.UPLOAD_EXTEND, body)
    assert refusal.value.field == missing


def test_an_upload_goes_on_without_a_style_where_the_recorded_wire_is_followed() -> None:
    assert Music(WireBehaviour.OBSERVED).parse(music.UPLOAD_EXTEND, OWN).input["defaultParamFlag"]


def test_a_style_is_answered_with_both_names_of_its_error() -> None:
    made = done("suno-style", input={"content": "Folk, warm"}, result='{"result":"Fingerpicked guitar."}')
    answer = json.loads(Style().balanced(made, Credits(12_046_000), "1"))
    assert answer["data"] == {
        "taskId": TASK,
        "param": "Folk, warm",
        "result": "Fingerpicked guitar.",
        "creditsConsumed": 0,
        "successFlag": "1",
        "errorCode": None,
        "errorMessage": "",
        "errorMsg": None,
        "createTime": CREATED,
        "creditsRemaining": 1204.6,
    }


def test_a_failed_style_says_so_twice() -> None:
    answer = json.loads(Style().balanced(failed(FailKind.TIMEOUT, "suno-style"), Credits(0), "1"))
    assert (answer["code"], answer["data"]["successFlag"]) == (408, "2")
    assert answer["data"]["errorMsg"] == answer["data"]["errorMessage"] == answer["msg"] == "It did not work"


@pytest.mark.parametrize("call", [Style(), Persona(), TimedLyrics()], ids=lambda call: call.name)
def test_work_that_takes_longer_is_named_for_a_later_look(call: Style | Persona | TimedLyrics) -> None:
    answer = json.loads(call.answer(record(call.name), "1"))
    assert (answer["code"], answer["error"]["code"], answer["error"]["taskId"]) == (408, "not_ready", TASK)
    assert answer["error"]["retryable"]


def test_a_persona_takes_the_published_spelling_of_its_span() -> None:
    draft = Persona().parse({"name": "Alto", " vocalStart": 5, " vocalEnd": 20})
    assert draft.input == {"name": "Alto", "vocalStart": 5, "vocalEnd": 20}


def test_the_plain_spelling_of_the_span_comes_first() -> None:
    draft = Persona().parse({"vocalStart": 5, " vocalStart": 8, "vocalEnd": 20})
    assert draft.input["vocalStart"] == 5


@pytest.mark.parametrize("span", [{"vocalStart": 25}, {"vocalEnd": 5}, {" vocalStart": 1, "vocalEnd": 40}])
def test_a_persona_listens_for_ten_to_thirty_seconds(span: JsonObject) -> None:
    with pytest.raises(Refusal, match="10 to 30 seconds"):
        Persona().parse(span)


def test_a_second_persona_is_refused_and_the_first_is_named() -> None:
    first = done("suno-persona", result='{"personaId":"pa_7c2e91d0"}')
    answer = json.loads(refused(taken(first), "1"))
    assert (answer["code"], answer["msg"]) == (409, "persona already exists for this music")
    assert "pa_7c2e91d0" in answer["error"]["message"]
