"""The envelope: every reason of refusal has the market's code and words, and says more to programs."""

import json
from typing import Any

import pytest

from souk.dialects import envelope
from souk.dialects.codes import FAIL_CODES
from souk.dialects.envelope import ANSWERS, Rejected
from souk.operations.types import Reason, Refusal
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")


def answered(reason: Reason, message: str = "what to do", **more: Any) -> dict[str, Any]:
    return json.loads(envelope.refused(Refusal(reason, message, **more), "r-1"))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_an_answer(reason: Reason) -> None:
    body = answered(reason)
    assert list(body) == ["code", "msg", "data", "error"]
    assert body["code"] == ANSWERS[reason].code
    assert body["msg"]
    assert body["data"] is None
    assert body["error"]["code"] == reason.value
    assert body["error"]["requestId"] == "r-1"


@pytest.mark.parametrize(
    ("reason", "code", "text"),
    [
        (
            Reason.UNAUTHORIZED,
            401,
            "Unauthorized – Authentication failed. Please check that your Authorization and "
            "Content-Type headers are correctly set.",
        ),
        (
            Reason.INSUFFICIENT_CREDITS,
            402,
            "Credits insufficient : Your current balance isn't enough to run this request. "
            "Please top up to continue.",
        ),
        (Reason.RATE_LIMITED, 429, "Your call frequency is too high. Please try again later."),
        (
            Reason.UNKNOWN_MODEL,
            422,
            "The model name you specified is not supported. Please verify your input and use one of "
            "the supported models provided by KIE.",
        ),
        (Reason.MODEL_PAUSED, 505, "This interface is temporarily paused."),
        (Reason.UNKNOWN_TASK, 422, "recordInfo is null"),
    ],
)
def test_the_markets_own_words_stand_exactly(reason: Reason, code: int, text: str) -> None:
    body = answered(reason)
    assert (body["code"], body["msg"]) == (code, text)
    assert body["error"]["message"] == "what to do"


def test_a_key_past_its_cap_gets_433_and_is_told_which_cap() -> None:
    body = answered(Reason.KEY_CAP, "this task would exceed the key's daily cap")
    assert (body["code"], body["msg"]) == (433, "this task would exceed the key's daily cap")


def test_an_unknown_model_is_answered_with_the_nearest_one() -> None:
    body = answered(Reason.UNKNOWN_MODEL, allowed=["nano-banana-pro"])
    assert body["msg"].endswith(' provided by KIE. Did you mean "nano-banana-pro"?')
    assert body["error"]["allowed"] == ["nano-banana-pro"]


def test_a_model_of_another_api_is_sent_there_after_the_markets_words() -> None:
    body = answered(Reason.UNKNOWN_MODEL, "veo3 is created elsewhere", elsewhere=True)
    assert body["msg"].endswith(" provided by KIE. veo3 is created elsewhere")


def test_a_missing_field_is_named_after_the_markets_words() -> None:
    body = answered(Reason.INVALID_INPUT, "prompt is required", field="prompt")
    assert (body["code"], body["msg"]) == (422, "This field is required: prompt")
    assert body["error"]["field"] == "prompt"
    assert body["error"]["message"] == "prompt is required"


def test_a_refusal_lists_what_is_allowed() -> None:
    body = answered(Reason.INVALID_INPUT, "size must be one of 1K, 2K", field="size", allowed=["1K", "2K"])
    assert body["msg"] == "size must be one of 1K, 2K"
    assert body["error"]["allowed"] == ["1K", "2K"]
    assert "message" not in body["error"]


@pytest.mark.parametrize(
    ("reason", "retryable"), [(Reason.RATE_LIMITED, True), (Reason.BUSY, True), (Reason.INVALID_INPUT, False)]
)
def test_a_program_is_told_whether_trying_again_helps(reason: Reason, retryable: bool) -> None:
    assert answered(reason)["error"]["retryable"] is retryable


def test_an_unusable_request_is_answered_in_the_envelope() -> None:
    rejection = Rejected(400, "taskId parameter is required", "missing_parameter", field="taskId")
    assert json.loads(envelope.rejected(rejection, "r-2")) == {
        "code": 400,
        "msg": "taskId parameter is required",
        "data": None,
        "error": {"code": "missing_parameter", "field": "taskId", "retryable": False, "requestId": "r-2"},
    }


def test_our_own_fault_tells_nothing_but_the_request() -> None:
    body = json.loads(envelope.broken("r-3"))
    assert (body["code"], body["error"]["code"], body["error"]["requestId"]) == (500, "internal", "r-3")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *((answer.code, reason.value) for reason, answer in ANSWERS.items()),
        *((code, kind.value) for kind, code in FAIL_CODES.items()),
    ],
)
def test_every_code_is_documented(code: int, name: str) -> None:
    assert any(row.startswith(f"| {code} |") and f"`{name}`" in row for row in PAGE.splitlines())
