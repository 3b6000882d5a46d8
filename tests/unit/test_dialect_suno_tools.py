"""The dialects of Suno's tools by themselves: odd results and failures that the wire tests cannot reach."""

import json
from typing import Any

import msgspec
import pytest

from souk.catalog.load import load_catalog
from souk.dialects.envelope import Reworded, refused
from souk.dialects.shelf import Shelf
from souk.dialects.suno import lyrics, stems, voice
from souk.dialects.suno.cover import Cover
from souk.dialects.suno.lyrics import Lyrics
from souk.dialects.suno.midi import Midi
from souk.dialects.suno.stems import Stems
from souk.dialects.suno.tool import SONG_MODELS, Tool
from souk.dialects.suno.video import Video
from souk.dialects.suno.voice import Voice, VoicePhrase
from souk.dialects.suno.wav import Wav
from souk.dialects.table import Dialects
from souk.operations.records import Record
from souk.operations.types import Reason, Refusal
from souk.settings import WireBehaviour
from souk.store.outbox import END
from souk.words import FailKind, JsonObject, Mode, TaskId

CREATED = 1_772_100_181_042
ENDED = 1_772_100_327_007
TOOLS: list[Tool] = list(Dialects(WireBehaviour.DOCUMENTED, Shelf(lambda: 0, 0)).song_tools)
OF_SONGS: list[Tool] = [Wav(), Video(), Stems()]
CALLBACK = "https://app.example/hook"

each_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def record(**changes: Any) -> Record:
    """A task that has succeeded, but for the changes."""
    plain = Record(
        task_id=TaskId("01a2030e9df57b818cf918b3fd7c4f5f"),
        model="suno-wav",
        state="success",
        inner_state="success",
        mode=Mode.SANDBOX,
        dialect="suno-wav",
        input={"taskId": "t", "audioId": "a"},
        callback_url=CALLBACK,
        progress_url=None,
        client_task_id=None,
        result="{}",
        fail_kind=None,
        fail_code=None,
        fail_message="",
        retryable=False,
        created_at=CREATED,
        updated_at=ENDED,
        completed_at=ENDED,
        progress=None,
        credits=None,
        connection=None,
        upstream_model=None,
        warnings=[],
    )
    return msgspec.structs.replace(plain, **changes)


def failed(kind: FailKind, **changes: Any) -> Record:
    return record(state="fail", result=None, fail_kind=kind, fail_message="It did not work", **changes)


def running(state: str = "generating") -> Record:
    return record(state=state, result=None, completed_at=None)


def told(tool: Tool, record: Record) -> JsonObject:
    return json.loads(tool.callback(record, END).body)


def test_the_tools_take_songs_of_every_model_that_makes_them() -> None:
    makers = {model.id for model in load_catalog().models.values() if model.dialect == "suno"}
    assert makers == set(SONG_MODELS)
    for id in ("suno-wav", "suno-mp4", "suno-vocal-removal", "suno-cover"):
        field = load_catalog().models[id].schema["properties"]["taskId"]
        assert tuple(field["x-parent-models"]) == SONG_MODELS


def test_stem_names_are_those_of_the_catalogue() -> None:
    named = load_catalog().models["suno-vocal-removal"].schema["properties"]["stemName"]["enum"]
    assert named == list(stems.NAMES.values())


@each_tool
def test_a_failure_of_the_service_never_carries_the_code_of_success(tool: Tool) -> None:
    for kind in (FailKind.TRANSIENT, FailKind.INTERNAL, FailKind.CANCELLED, FailKind.AUTH):
        assert told(tool, failed(kind, fail_code=200))["code"] in (500, 501)


@each_tool
def test_a_text_of_the_wire_does_not_hide_what_happened(tool: Tool) -> None:
    body = json.loads(tool.record(failed(FailKind.INTERNAL)))
    assert body["data"]["error"]["message"] == "It did not work"


@each_tool
def test_failures_that_are_not_the_services_keep_their_code_and_words(tool: Tool) -> None:
    fault = tool.told_fault(failed(FailKind.INPUT_UNREACHABLE))
    assert (fault.code, fault.text) == (451, "It did not work")


@pytest.mark.parametrize("tool", OF_SONGS, ids=lambda tool: tool.name)
def test_a_task_that_never_started_says_so(tool: Tool) -> None:
    assert tool.data(failed(FailKind.INPUT_UNREACHABLE))["successFlag"] == "CREATE_TASK_FAILED"


def test_the_record_shows_the_songs_number() -> None:
    assert json.loads(Wav().record_of(record(), 1))["data"]["musicIndex"] == 1


def test_dates_are_written_as_each_api_writes_them() -> None:
    assert Wav().data(record())["completeTime"] == "2026-02-26 10:05:27"
    assert Cover().data(record())["completeTime"] == "2026-02-26T10:05:27.007Z"
    assert Cover().data(record())["createTime"] == "2026-02-26T10:03:01.042Z"
    assert Stems().data(record())["completeTime"] == ENDED
    assert Midi().data(record())["createTime"] == CREATED
    assert [Wav().data(running())["completeTime"], Cover().data(running())["completeTime"]] == [None, None]


@pytest.mark.parametrize(("state", "flag"), [("waiting", 0), ("queuing", 2), ("generating", 2)])
def test_a_cover_under_way_has_the_flag_that_elsewhere_means_failure(state: str, flag: int) -> None:
    assert Cover().data(running(state))["successFlag"] == flag


def test_a_covers_record_has_a_code_once_it_is_done() -> None:
    assert [Cover().data(each)["errorCode"] for each in (running(), record())] == [None, 200]
    assert Cover().data(failed(FailKind.INTERNAL))["errorCode"] == 500


def test_a_failed_separation_is_told_by_what_was_asked_for() -> None:
    two, many = ({"type": kind} for kind in ("separate_vocal", "split_stem"))
    assert told(Stems(), failed(FailKind.INTERNAL, input=two))["msg"] == "Vocal separation failed"
    assert told(Stems(), failed(FailKind.INTERNAL, input=many))["msg"] == "Instrument separation failed"


def test_stems_that_are_not_there_are_null_in_the_record_and_empty_in_the_callback() -> None:
    stem = {"id": "s", "part": "drums", "name": "Drums", "url": "http://souk/d.mp3", "duration": 9.5}
    done = record(input={"type": "split_stem"}, result=json.dumps({"stems": [stem]}))
    response = Stems().data(done)["response"]
    assert len([key for key in response if key.endswith("Url") and key != "originUrl"]) == 14
    assert {key for key, value in response.items() if value} == {"originData", "drumsUrl"}
    info = told(Stems(), done)["data"]["vocal_separation_info"]
    assert info["drums_url"] == "http://souk/d.mp3"
    assert info["brass_url"] == ""
    assert "piano_url" not in info


@pytest.mark.parametrize("written", ["backing vocals", "BACKING_VOCALS", "Backing-Vocals"])
def test_a_stem_may_be_named_in_any_spelling(written: str) -> None:
    body = {"audioUrl": "http://x.example/a.mp3", "stemName": written, "callBackUrl": CALLBACK}
    assert Stems().parse(stems.GENERATE, body).input["stemName"] == "Backing_Vocals"


def test_a_callback_of_notes_writes_their_moments_as_text() -> None:
    note = {"pitch": 38, "start": 0.25, "end": 0.37, "velocity": 1}
    done = record(result=json.dumps({"instruments": [{"name": "Drums", "notes": [note]}]}))
    (recorded,) = Midi().data(done)["midiData"]["instruments"]
    (shown,) = told(Midi(), done)["data"]["instruments"]
    assert recorded["notes"] == [note]
    assert shown["notes"] == [{**note, "start": "0.25", "end": "0.37"}]


def test_a_failed_reading_of_notes_has_its_code_as_text() -> None:
    assert Midi().data(failed(FailKind.INTERNAL))["errorCode"] == "500"


def test_notes_of_all_stems_are_asked_for_by_their_ids() -> None:
    done = record(result=json.dumps({"stems": [_stem("one"), _stem("two")]}))
    draft = Midi().parse(Midi.creates[0], {"taskId": "t", "callBackUrl": CALLBACK})
    assert Midi().parent(draft) == ("suno-vocal-removal", "t")
    assert Midi().completed(draft, done).input == {"taskId": "t", "stems": ["one", "two"]}


def _stem(id: str) -> JsonObject:
    return {"id": id, "part": "bass", "name": "Bass", "url": "http://souk/b.mp3", "duration": 1.0}


def test_lyrics_that_were_flagged_have_a_status_of_their_own() -> None:
    data = Lyrics().data(failed(FailKind.MODERATION))
    assert (data["status"], data["errorCode"]) == ("SENSITIVE_WORD_ERROR", 400)
    assert Lyrics().data(failed(FailKind.TIMEOUT))["status"] == "GENERATE_LYRICS_FAILED"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.INSUFFICIENT_CREDITS, 429),
        (Reason.RATE_LIMITED, 430),
        (Reason.QUEUE_FULL, 405),
        (Reason.BUSY, 405),
        (Reason.UNKNOWN_MODEL, 422),
    ],
)
def test_lyrics_have_a_table_of_codes_of_their_own(reason: Reason, code: int) -> None:
    body = json.loads(refused(Lyrics().reworded(Refusal(reason, "why")), "r"))
    assert body["code"] == code
    assert body["error"]["code"] == reason.value


def test_a_prompt_for_lyrics_that_is_too_long_has_its_own_code() -> None:
    with pytest.raises(Reworded) as refusal:
        Lyrics().parse(lyrics.GENERATE, {"prompt": "x" * 201, "callBackUrl": CALLBACK})
    body = json.loads(refused(refusal.value, "r"))
    assert (body["code"], body["error"]["field"]) == (413, "prompt")


@each_tool
def test_what_is_empty_is_absent(tool: Tool) -> None:
    body = {"taskId": "", "audioId": None, "audioUrl": "http://x.example/a.mp3", "callBackUrl": CALLBACK}
    assert tool.parse(tool.creates[0], body).input == {"audioUrl": "http://x.example/a.mp3"}


@pytest.mark.parametrize("end", [3, 2, "3"])
def test_a_voice_is_heard_from_start_to_end(end: Any) -> None:
    body = {"voiceUrl": "http://x.example/a.mp3", "vocalStartS": 3, "vocalEndS": end}
    with pytest.raises(Refusal) as refusal:
        VoicePhrase().parse(voice.VALIDATE, body)
    assert refusal.value.field == "vocalEndS"


def test_the_states_of_a_voice_are_those_of_its_half() -> None:
    states = [running("waiting"), running(), record(), failed(FailKind.INTERNAL)]
    assert [VoicePhrase().data(each)["status"] for each in states] == [
        "wait_processing",
        "processing_validate",
        "wait_validating",
        "fail",
    ]
    assert [Voice().data(each)["status"] for each in states] == [
        "wait_processing",
        "wait_processing",
        "success",
        "fail",
    ]


def test_a_failed_voice_is_told_in_one_word_and_recorded_in_two() -> None:
    body = told(Voice(), failed(FailKind.INTERNAL))
    assert (body["code"], body["msg"]) == (500, "fail")
    assert body["data"]["errorMessage"] == "voice failed"
