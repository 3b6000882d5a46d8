"""What a client is told of an upstream's refusal, whatever shape it came in."""

import json
from typing import Any

import pytest

from souk.operations.types import Reason, Refusal
from souk.relay.faults import LONGEST_TOLD, fault_of, upstream_error
from souk.relay.protocols import CHAT, GEMINI, MESSAGES, PROTOCOLS
from souk.relay.protocols.protocol import ChatProtocol


def told(protocol: ChatProtocol, status: int, body: bytes) -> tuple[int, dict[str, Any]]:
    code, answer = upstream_error(protocol, status, body, "den")
    return code, json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"messages[0].role: unknown variant", "messages[0].role: unknown variant"),
        (
            b'{"code": "400", "error": "Bad data: Messages cannot be empty"}',
            "Bad data: Messages cannot be empty",
        ),
        (b'{"code": 500, "msg": "Server Error", "data": null}', "Server Error"),
        (b'{"detail": "Not allowed"}', "Not allowed"),
        (b'{"object": "error", "message": "Too long"}', "Too long"),
        (b'[{"error": {"code": 400, "message": "Wrong", "status": "INVALID_ARGUMENT"}}]', "Wrong"),
        (b'{"error": {"message": "Plain"}}', "Plain"),
        (b"", "den answered HTTP 422"),
        (b"<!doctype html><p>no</p>", "den answered HTTP 422"),
        (b'{"error": null}', "den answered HTTP 422"),
        (b"[" * 10_000, "[" * LONGEST_TOLD),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_upstreams_words_reach_the_client(protocol: ChatProtocol, body: bytes, message: str) -> None:
    status, error = told(protocol, 422, body)
    assert (status, error["message"]) == (422, message)


def test_error_in_the_makers_shape_is_kept_with_all_it_says() -> None:
    error = {
        "message": "Wrong",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "bad",
        "more": 1,
    }
    assert told(CHAT, 400, json.dumps({"error": error}).encode()) == (400, error)


def test_error_in_another_makers_shape_is_put_into_the_protocols() -> None:
    _, answer = upstream_error(MESSAGES, 400, b'{"error": {"message": "Wrong", "type": "x"}}', "den")
    assert json.loads(answer) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "Wrong"},
    }


@pytest.mark.parametrize("status", [101, 204, 301, 302, 600])
def test_answer_that_is_none_is_a_bad_gateway(status: int) -> None:
    assert told(GEMINI, status, b"")[0] == 502


def test_tokens_in_an_upstreams_words_are_removed() -> None:
    assert "sk-live-0123456789" not in str(told(CHAT, 400, b"bad key sk-live-0123456789"))


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_a_status(reason: Reason) -> None:
    fault, wait = fault_of(Refusal(reason, "Why", retry_after=0.2))
    assert 400 <= fault.status < 600
    assert fault.message.endswith("Why")
    assert (fault.code, wait) == (reason.value, "1")


def test_what_nobody_foresaw_tells_nothing_of_itself() -> None:
    fault, _ = fault_of(RuntimeError("secret details"))
    assert fault.status == 500
    assert "secret" not in fault.message
