"""The Market dialect: what it reads from a create call and how it writes a task down."""

import json
from typing import Any

import msgspec
import pytest

from souk.dialects.jobs import JobsDialect
from souk.operations.records import Record
from souk.operations.types import Created, Draft, Reason, Refusal
from souk.settings import WireBehaviour
from souk.words import Credits, FailKind, Mode, TaskId

TASK = TaskId("019a3c0a91e27d84a5c1390d4e8b2716")
CREATED_AT = 1_772_100_000_000

DOCUMENTED = JobsDialect()
OBSERVED = JobsDialect(WireBehaviour.OBSERVED)

DOCUMENTED_KEYS = [
    *("taskId", "model", "state", "param", "resultJson", "failCode", "failMsg"),
    *("costTime", "completeTime", "createTime", "updateTime", "creditsConsumed"),
]


def waiting(**changes: Any) -> Record:
    plain = Record(
        task_id=TASK,
        model="seedream/4.5-text-to-image",
        state="waiting",
        inner_state="waiting",
        mode=Mode.SANDBOX,
        dialect="jobs",
        input={"prompt": "A lighthouse", "aspect_ratio": "16:9"},
        callback_url=None,
        progress_url=None,
        client_task_id=None,
        result=None,
        fail_kind=None,
        fail_code=None,
        fail_message="",
        retryable=False,
        created_at=CREATED_AT,
        updated_at=CREATED_AT,
        completed_at=None,
        progress=None,
        credits=None,
        connection=None,
        upstream_model=None,
        warnings=[],
    )
    return msgspec.structs.replace(plain, **changes)


def succeeded(**changes: Any) -> Record:
    ended: dict[str, Any] = {
        "state": "success",
        "result": '{"resultUrls":["https://souk.example/f/a.png"]}',
        "completed_at": CREATED_AT + 21_400,
        "updated_at": CREATED_AT + 21_400,
        "credits": Credits(80_000),
    }
    return waiting(**{**ended, **changes})


def failed(**changes: Any) -> Record:
    ended: dict[str, Any] = {
        "state": "fail",
        "fail_kind": FailKind.INPUT_UNREACHABLE,
        "fail_message": "image_urls[0] answered 404",
        "completed_at": CREATED_AT + 3_000,
        "updated_at": CREATED_AT + 3_000,
        "credits": Credits(0),
    }
    return waiting(**{**ended, **changes})


def written(record: Record, dialect: JobsDialect = DOCUMENTED) -> dict[str, Any]:
    body = json.loads(dialect.record(record))
    assert (body["code"], body["msg"]) == (200, "success")
    return body["data"]


def refused(body: dict[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        DOCUMENTED.parse(body)
    return caught.value


# Reading a create call


def test_a_create_call_becomes_a_draft() -> None:
    body = {
        "model": "sora-2-text-to-video",
        "callBackUrl": "https://app.example/hook",
        "progressCallBackUrl": "https://app.example/progress",
        "clientTaskId": "order-17",
        "input": {"prompt": "A lighthouse"},
    }
    assert DOCUMENTED.parse(body, "key-1") == Draft(
        model="sora-2-text-to-video",
        input={"prompt": "A lighthouse"},
        dialect="jobs",
        callback_url="https://app.example/hook",
        progress_url="https://app.example/progress",
        client_task_id="order-17",
        idempotency_key="key-1",
    )


def test_a_missing_input_is_an_empty_one() -> None:
    assert DOCUMENTED.parse({"model": "m"}).input == {}


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_callback_address_is_none(empty: str | None) -> None:
    assert DOCUMENTED.parse({"model": "m", "callBackUrl": empty}).callback_url is None


@pytest.mark.parametrize(
    "name",
    ["callbackUrl", "callback_url", "callBackURL", "callback", "webhook", "webhook_url", "Webhook-URL"],
)
def test_a_misspelt_callback_field_is_refused_with_the_right_name(name: str) -> None:
    refusal = refused({"model": "m", "input": {}, name: "https://app.example/hook"})
    assert (refusal.reason, refusal.field, refusal.allowed) == (Reason.INVALID_INPUT, name, ["callBackUrl"])
    assert "callBackUrl" in refusal.message


def test_an_unknown_top_level_field_is_passed_over_with_a_warning() -> None:
    draft = DOCUMENTED.parse({"model": "m", "input": {}, "priority": "high"})
    assert draft.warnings == ("`priority` is not a field of this call and was passed over",)


@pytest.mark.parametrize(
    "address",
    [
        "app.example/hook",
        "ftp://app.example/",
        "http://",
        "https:///x",
        "http://[::1",
        7,
        "http://a b/",
        "http://a\n/",
    ],
)
def test_a_callback_address_must_be_http(address: object) -> None:
    assert refused({"model": "m", "callBackUrl": address}).field == "callBackUrl"


def test_callback_address_that_is_too_long_is_told_so() -> None:
    address = f"https://app.example/{'a' * 3000}"
    assert "at most 2048 characters" in refused({"model": "m", "callBackUrl": address}).message


@pytest.mark.parametrize("model", [None, "", 7, ["m"]])
def test_the_model_must_be_named(model: object) -> None:
    assert refused({"model": model, "input": {}}).field == "model"


@pytest.mark.parametrize("given", ["{}", [], 3, True])
def test_the_input_must_be_an_object(given: object) -> None:
    assert refused({"model": "m", "input": given}).field == "input"


@pytest.mark.parametrize("given", [5, "with space", "x" * 129, "nul\0"])
def test_a_client_task_id_must_be_printable_and_short(given: object) -> None:
    assert refused({"model": "m", "clientTaskId": given}).field == "clientTaskId"


# Answering a create call


def test_a_create_answer_carries_the_id_twice_and_nothing_else() -> None:
    body = DOCUMENTED.created(Created(TASK, Credits(80_000), Mode.LIVE))
    assert body.decode() == (
        f'{{"code":200,"msg":"success","data":{{"taskId":"{TASK}","recordId":"{TASK}"}}}}'
    )


def test_warnings_join_a_create_answer_only_when_there_are_any() -> None:
    body = DOCUMENTED.created(Created(TASK, Credits(0), Mode.LIVE, warnings=["`x` was passed over"]))
    assert json.loads(body)["data"]["warnings"] == ["`x` was passed over"]


# A record as documented


def test_a_waiting_record_has_the_documented_form() -> None:
    data = written(waiting(callback_url="https://app.example/hook"))
    assert list(data) == DOCUMENTED_KEYS
    assert data | {"param": ""} == {
        "taskId": TASK,
        "model": "seedream/4.5-text-to-image",
        "state": "waiting",
        "param": "",
        "resultJson": "",
        "failCode": "",
        "failMsg": "",
        "costTime": None,
        "completeTime": None,
        "createTime": CREATED_AT,
        "updateTime": CREATED_AT,
        "creditsConsumed": 0,
    }
    assert data["param"] == (
        '{"model":"seedream/4.5-text-to-image","callBackUrl":"https://app.example/hook",'
        '"input":{"prompt":"A lighthouse","aspect_ratio":"16:9"}}'
    )


def test_a_finished_record_tells_result_time_and_cost() -> None:
    data = written(succeeded())
    assert list(data) == DOCUMENTED_KEYS
    assert json.loads(data["resultJson"]) == {"resultUrls": ["https://souk.example/f/a.png"]}
    assert (data["costTime"], data["completeTime"]) == (21_400, CREATED_AT + 21_400)
    assert data["creditsConsumed"] == 8
    assert (data["failCode"], data["failMsg"]) == ("", "")


def test_a_failed_record_tells_what_went_wrong() -> None:
    data = written(failed())
    assert (data["failCode"], data["failMsg"]) == ("451", "image_urls[0] answered 404")
    assert (data["resultJson"], data["creditsConsumed"]) == ("", 0)
    assert data["error"] == {"code": "input_unreachable", "retryable": False}


@pytest.mark.parametrize("kind", FailKind)
def test_every_kind_of_failure_has_a_numeric_code(kind: FailKind) -> None:
    assert written(failed(fail_kind=kind))["failCode"].isdigit()


def test_a_cancelled_task_says_so_to_programs() -> None:
    assert written(failed(fail_kind=FailKind.CANCELLED))["error"]["code"] == "cancelled"


def test_a_code_the_upstream_named_wins_over_its_kind() -> None:
    assert written(failed(fail_code=531))["failCode"] == "531"


@pytest.mark.parametrize(("model", "shown"), [("sora-2-text-to-video", True), ("kling/v2-1-pro", False)])
def test_progress_is_shown_for_sora_2_only(model: str, shown: bool) -> None:
    assert ("progress" in written(waiting(model=model, state="generating", progress=40))) is shown


def test_progress_is_full_at_success() -> None:
    assert written(succeeded(model="sora-2-text-to-video", progress=80))["progress"] == 100


@pytest.mark.parametrize(("units", "text"), [(80_000, "8"), (36_500, "3.65"), (400, "0.04")])
def test_credits_have_two_decimals_and_whole_ones_none(units: int, text: str) -> None:
    assert f'"creditsConsumed":{text}' in DOCUMENTED.record(succeeded(credits=Credits(units))).decode()


# A record as recorded traffic has it


def test_an_observed_record_encodes_its_input_twice() -> None:
    data = written(waiting(callback_url="https://app.example/hook"), OBSERVED)
    param = json.loads(data["param"])
    assert list(param) == ["input", "callBackUrl", "model"]
    assert json.loads(param["input"]) == {"prompt": "A lighthouse", "aspect_ratio": "16:9"}


def test_an_observed_record_has_nulls_seconds_and_no_update_time() -> None:
    data = written(succeeded(), OBSERVED)
    assert (data["failCode"], data["failMsg"]) == (None, None)
    assert data["costTime"] == 21
    assert "updateTime" not in data


def test_an_observed_failure_still_tells_its_code() -> None:
    assert written(failed(), OBSERVED)["failCode"] == "451"


# Callbacks


def test_a_success_callback_is_the_record_under_the_markets_words() -> None:
    message = DOCUMENTED.callback(succeeded(), "end")
    body = json.loads(message.body)
    assert (body["code"], body["msg"]) == (200, "Playground task completed successfully.")
    assert body["data"] == written(succeeded())
    assert message.task_id == TASK


def test_a_failure_callback_has_code_501_and_no_result() -> None:
    body = json.loads(DOCUMENTED.callback(failed(), "end").body)
    assert (body["code"], body["msg"]) == (501, "Playground task failed.")
    assert (body["data"]["resultJson"], body["data"]["failCode"]) == (None, "451")


def test_a_progress_callback_does_not_claim_an_end() -> None:
    record = waiting(model="sora-2-text-to-video", state="generating", progress=40)
    body = json.loads(DOCUMENTED.callback(record, "progress").body)
    assert body["code"] == 200
    assert body["data"]["progress"] == 40
    assert "completed" not in body["msg"]
