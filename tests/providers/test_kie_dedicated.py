"""KIE.AI's dedicated APIs as the adapter speaks them: what is sent, and what each kind of record means."""

from typing import Any

import pytest

from souk.catalog.load import load_catalog
from souk.net.http import Unreadable
from souk.providers.base import Accepted, Done, Failed, NewPiece, OutputFile, Refused, Running, Unreachable
from souk.providers.kie.wire import NO_RECEIVER
from souk.providers.kie.wires import WIRES, wire_of
from souk.words import FailKind, JsonObject
from tests.providers.kie_wires import FILE, NO_RECORD, OTHER, PIECES, REF, answer, job_of, lasting, verdict

# --- what is sent ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "input", "path", "more"),
    [
        ("gpt4o-image", {"prompt": "Tea", "size": "1:1"}, "/api/v1/gpt4o-image/generate", {}),
        (
            "flux-kontext-max",
            {"prompt": "Tea"},
            "/api/v1/flux/kontext/generate",
            {"model": "flux-kontext-max"},
        ),
        ("runway", {"prompt": "Fox", "duration": 5}, "/api/v1/runway/generate", {}),
        ("runway-extend", {"taskId": REF, "prompt": "On"}, "/api/v1/runway/extend", {}),
        ("runway-aleph", {"prompt": "Ink", "videoUrl": FILE}, "/api/v1/aleph/generate", {}),
        ("veo3_fast", {"prompt": "Kite"}, "/api/v1/veo/generate", {"model": "veo3_fast"}),
        ("veo-extend", {"taskId": REF, "prompt": "On", "model": "fast"}, "/api/v1/veo/extend", {}),
        ("veo-4k", {"taskId": REF, "index": 0}, "/api/v1/veo/get-4k-video", {}),
        ("suno-style", {"content": "Folk"}, "/api/v1/style/generate", {}),
        ("suno-generate", {"prompt": "Sea", "model": "V5"}, "/api/v1/generate", {"callBackUrl": NO_RECEIVER}),
        ("suno-wav", {"taskId": REF, "audioId": "a"}, "/api/v1/wav/generate", {"callBackUrl": NO_RECEIVER}),
    ],
)
def test_create_posts_the_input_to_the_apis_own_path(
    model: str, input: JsonObject, path: str, more: JsonObject
) -> None:
    call = wire_of(model).create(job_of(model, input))
    assert (call.method, call.path, call.body) == ("POST", path, input | more)


def test_first_full_hd_call_is_the_one_that_asks_for_it() -> None:
    call = wire_of("veo-1080p").create(job_of("veo-1080p", {"taskId": REF}))
    assert (call.method, call.path, call.body) == (
        "GET",
        f"/api/v1/veo/get-1080p-video?taskId={REF}&index=0",
        None,
    )


def test_webhook_address_is_told_where_there_is_one() -> None:
    job = job_of("veo3", {"prompt": "Kite"}, webhook_url="https://souk.example/hook/1")
    body = wire_of("veo3").create(job).body
    assert body is not None
    assert body["callBackUrl"] == "https://souk.example/hook/1"


def test_record_is_asked_for_by_the_upstreams_id() -> None:
    call = lasting("suno-lyrics").look(job_of("suno-lyrics"), "a/b")
    assert (call.method, call.path) == ("GET", "/api/v1/lyrics/record-info?taskId=a%2Fb")


def test_model_without_an_api_of_its_own_is_of_the_market() -> None:
    assert (
        wire_of("kling-2.6/text-to-video")
        .create(job_of("kling-2.6/text-to-video"))
        .path.endswith("createTask")
    )


# --- what comes back at once --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "data", "result"),
    [
        ("suno-style", {"result": "Warm folk", "creditsConsumed": 0.4}, {"result": "Warm folk"}),
        (
            "suno-timestamped-lyrics",
            {"alignedWords": [], "waveformData": [0, 1], "hootCer": 0.2, "isStreamed": False},
            {"alignedWords": [], "waveformData": [0, 1], "hootCer": 0.2, "isStreamed": False},
        ),
    ],
)
def test_call_that_answers_with_its_result_is_done(model: str, data: JsonObject, result: JsonObject) -> None:
    done = wire_of(model).taken(answer(data), job_of(model))
    assert isinstance(done, Done)
    assert done.result == result


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("suno-persona", "personaId"),
        ("gemini-omni-audio", "kieAudioId"),
        ("gemini-omni-character", "kieCharacterId"),
    ],
)
def test_id_that_later_tasks_can_name_is_a_piece(model: str, key: str) -> None:
    done = wire_of(model).taken(answer({key: "up_1"}), job_of(model))
    assert isinstance(done, Done)
    assert done.result == {key: {"$piece": 0}}
    assert done.pieces == (NewPiece(PIECES[model], "up_1"),)


@pytest.mark.parametrize("data", [None, {}, [], {"personaId": ""}, {"personaId": 7}])
def test_success_without_what_was_asked_for_is_unclear(data: Any) -> None:
    with pytest.raises(Unreadable):
        wire_of("suno-persona").taken(answer(data), job_of("suno-persona"))


def test_refusal_of_such_a_call_is_a_refusal() -> None:
    with pytest.raises(Refused) as refused:
        wire_of("suno-style").taken(answer(None, 402, "Credits insufficient"), job_of("suno-style"))
    assert refused.value.kind is FailKind.QUOTA


# --- what was made before -----------------------------------------------------------------------


@pytest.mark.parametrize(("model", "code"), [("suno-wav", 409), ("suno-mp4", 409), ("suno-cover", 400)])
def test_thing_made_once_is_taken_from_the_task_that_made_it(model: str, code: int) -> None:
    again = answer({"taskId": REF}, code, "record already exists")
    assert wire_of(model).taken(again, job_of(model)) == Accepted(REF)


@pytest.mark.parametrize("code", [400, 409, 422])
def test_the_same_codes_are_no_acceptance_without_an_id(code: int) -> None:
    with pytest.raises((Refused, Unreadable)):
        wire_of("suno-cover").taken(answer(None, code, "no"), job_of("suno-cover"))


# --- what records mean --------------------------------------------------------------------------

LISTED = {"successFlag": 1, "response": {"resultUrls": [FILE]}}
CLIP = {"resultVideoUrl": FILE, "resultImageUrl": OTHER}


@pytest.mark.parametrize(
    ("model", "record", "result"),
    [
        ("gpt4o-image", LISTED, {"resultUrls": [{"$file": 0}]}),
        (
            "gpt4o-image",
            {"successFlag": "1", "response": {"result_urls": [FILE]}},
            {"resultUrls": [{"$file": 0}]},
        ),
        (
            "flux-kontext-pro",
            {"successFlag": 1, "response": {"originImageUrl": OTHER, "resultImageUrl": FILE}},
            {"resultUrls": [{"$file": 0}]},
        ),
        ("veo3", LISTED, {"resultUrls": [{"$file": 0}]}),
        (
            "veo3",
            {"successFlag": 1, "response": {"resultUrls": f'["{FILE}"]'}},
            {"resultUrls": [{"$file": 0}]},
        ),
        (
            "veo-extend",
            {"successFlag": 1, "response": {"resultUrls": [FILE], "fullResultUrls": [OTHER]}},
            {"resultUrls": [{"$file": 0}], "fullResultUrls": [{"$file": 1}]},
        ),
        (
            "runway",
            {"state": "success", "videoInfo": {"videoUrl": FILE, "imageUrl": OTHER}},
            {"resultUrls": [{"$file": 0}], "coverUrl": {"$file": 1}},
        ),
        (
            "runway-aleph",
            {"successFlag": 1, "response": CLIP},
            {"resultUrls": [{"$file": 0}], "coverUrl": {"$file": 1}},
        ),
        (
            "suno-wav",
            {"successFlag": "SUCCESS", "response": {"audioWavUrl": FILE}},
            {"resultUrls": [{"$file": 0}]},
        ),
        (
            "suno-mp4",
            {"successFlag": "SUCCESS", "response": {"videoUrl": FILE}},
            {"resultUrls": [{"$file": 0}]},
        ),
        (
            "suno-mp4",
            {"successFlag": "CALLBACK_EXCEPTION", "response": {"videoUrl": FILE}},
            {"resultUrls": [{"$file": 0}]},
        ),
        (
            "suno-cover",
            {"successFlag": 1, "errorCode": 200, "response": {"images": [FILE, OTHER]}},
            {"resultUrls": [{"$file": 0}, {"$file": 1}]},
        ),
        (
            "suno-lyrics",
            {
                "status": "SUCCESS",
                "response": {"data": [{"title": "Cup", "text": "Steam"}, {"status": "failed", "text": ""}]},
            },
            {"variants": [{"title": "Cup", "text": "Steam"}]},
        ),
        (
            "suno-midi",
            {
                "successFlag": 1,
                "midiData": {
                    "instruments": [
                        {"name": "Bass", "notes": [{"pitch": 40, "start": "0.5", "end": 1, "velocity": 0.8}]}
                    ]
                },
            },
            {
                "instruments": [
                    {"name": "Bass", "notes": [{"pitch": 40, "start": 0.5, "end": 1.0, "velocity": 0.8}]}
                ]
            },
        ),
        ("suno-midi", {"successFlag": 1, "midiData": {}}, {"instruments": []}),
        ("suno-voice-validate", {"status": "wait_validating", "validateInfo": "La"}, {"validateInfo": "La"}),
        ("suno-voice", {"status": "success", "voiceId": "voice_1"}, {"voiceId": {"$piece": 0}}),
    ],
)
def test_success_is_read_from_the_apis_own_record(model: str, record: JsonObject, result: JsonObject) -> None:
    done = verdict(model, record)
    assert isinstance(done, Done)
    assert done.result == result


RUNNING: list[tuple[str, JsonObject]] = [
    ("gpt4o-image", {"successFlag": 0}),
    ("gpt4o-image", {"successFlag": 1, "response": None}),
    ("veo3", {"successFlag": 1, "response": {"resultUrls": []}}),
    ("runway", {"state": "wait"}),
    ("runway", {"state": "generating"}),
    ("runway", {"state": "success", "videoInfo": None}),
    ("suno-cover", {"successFlag": 2}),
    ("suno-wav", {"successFlag": "PENDING"}),
    ("suno-wav", {"successFlag": "SUCCESS", "response": {}}),
    ("suno-lyrics", {"status": "PENDING"}),
    ("suno-generate", {"status": "PENDING"}),
    ("suno-generate", {"status": "SUCCESS", "response": {"sunoData": []}}),
    ("suno-generate", {"status": "SUCCESS", "response": {"sunoData": [{"audioUrl": ""}]}}),
    ("suno-voice", {"status": "wait_processing"}),
    ("suno-voice", {"status": "success", "voiceId": ""}),
]


@pytest.mark.parametrize(("model", "record"), RUNNING)
def test_task_without_a_verdict_or_a_result_still_runs(model: str, record: JsonObject) -> None:
    assert isinstance(verdict(model, record), Running)


@pytest.mark.parametrize(
    ("model", "record", "kind"),
    [
        (
            "gpt4o-image",
            {"successFlag": 2, "errorCode": 400, "errorMessage": "was flagged"},
            FailKind.MODERATION,
        ),
        ("veo3", {"successFlag": 3, "errorCode": 501, "errorMessage": "Failed"}, FailKind.TRANSIENT),
        ("veo3", {"successFlag": 2, "errorCode": 422, "errorMessage": "Bad seeds"}, FailKind.BAD_INPUT),
        ("runway", {"state": "fail", "failCode": "451", "failMsg": "no image"}, FailKind.INPUT_UNREACHABLE),
        ("runway-aleph", {"successFlag": 3, "errorCode": 500, "errorMessage": "x"}, FailKind.TRANSIENT),
        ("suno-cover", {"successFlag": 3, "errorCode": 500, "errorMessage": "x"}, FailKind.TRANSIENT),
        (
            "suno-wav",
            {"successFlag": "GENERATE_WAV_FAILED", "errorCode": 500, "errorMessage": "x"},
            FailKind.TRANSIENT,
        ),
        (
            "suno-generate",
            {"status": "SENSITIVE_WORD_ERROR", "errorCode": 400, "errorMessage": "prohibited words"},
            FailKind.MODERATION,
        ),
        (
            "suno-upload-cover",
            {
                "status": "GENERATE_AUDIO_FAILED",
                "errorCode": 413,
                "errorMessage": "matches existing work of art",
            },
            FailKind.BAD_INPUT,
        ),
        ("suno-midi", {"successFlag": 3, "errorCode": "500", "errorMessage": "x"}, FailKind.TRANSIENT),
        ("suno-voice", {"status": "fail", "errorCode": 500, "errorMessage": "x"}, FailKind.TRANSIENT),
    ],
)
def test_failure_is_read_from_the_apis_own_record(model: str, record: JsonObject, kind: FailKind) -> None:
    failed = verdict(model, record)
    assert isinstance(failed, Failed)
    assert failed.kind is kind


@pytest.mark.parametrize(
    ("model", "data", "code"),
    [
        ("veo3", None, 422),
        ("veo3", {"successFlag": 9}, 200),
        ("veo3", {}, 200),
        ("suno-generate", None, 200),
        ("suno-wav", {"successFlag": "NEVER_HEARD"}, 200),
        ("runway", {"videoInfo": None}, 200),
        ("gpt4o-image", {"taskId": "another", "successFlag": 1}, 200),
        ("gpt4o-image", NO_RECORD, 429),
        ("veo-1080p", None, 401),
    ],
)
def test_answer_without_a_verdict_ends_nothing(model: str, data: Any, code: int) -> None:
    with pytest.raises(Unreachable):
        lasting(model).verdict(answer(data, code, "no"), job_of(model), REF)


def test_progress_is_told_in_hundredths() -> None:
    assert verdict("gpt4o-image", {"successFlag": 0, "progress": "0.42"}) == Running(progress=42)


# --- finer copies ---------------------------------------------------------------------------------

COPY = f"{REF}:0"


@pytest.mark.parametrize("model", ["veo-1080p", "veo-4k"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (200, "success"),
        (422, "1080p is processing. It should be ready in 1-3 minutes."),
        (422, "The video has been generated successfully"),
    ],
)
def test_finer_copy_is_named_by_its_clip(model: str, code: int, message: str) -> None:
    job = job_of(model, {"taskId": REF})
    assert wire_of(model).taken(answer({"taskId": "other"}, code, message), job) == Accepted(COPY)


def test_copy_of_an_unknown_clip_is_refused() -> None:
    with pytest.raises(Refused):
        wire_of("veo-4k").taken(answer(None, 422, "recordInfo is null"), job_of("veo-4k", {"taskId": REF}))


@pytest.mark.parametrize("data", [{"resultUrl": FILE}, {"resultUrls": [FILE]}])
def test_copy_is_done_when_its_address_is_there(data: JsonObject) -> None:
    done = lasting("veo-1080p").verdict(answer(data), job_of("veo-1080p"), COPY)
    assert isinstance(done, Done)
    assert done.files == [OutputFile(url=FILE)]


def test_copy_under_way_still_runs() -> None:
    told = answer(None, 422, "4k is processing. It should be ready in 5-10 minutes.")
    assert lasting("veo-4k").verdict(told, job_of("veo-4k"), COPY) == Running()


def test_copy_that_failed_has_failed() -> None:
    told = answer(None, 501, "The 4K version of this video is unavailable.")
    assert isinstance(lasting("veo-4k").verdict(told, job_of("veo-4k"), COPY), Failed)


def test_every_wire_but_the_markets_is_used_by_a_model_of_the_catalogue() -> None:
    served = {
        route.model
        for model in load_catalog().models.values()
        for route in model.routes
        if route.provider == "kie"
    }
    assert WIRES.keys() - served == set()
