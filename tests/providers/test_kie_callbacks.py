"""KIE.AI's callbacks: hints about the task they name, and with the operator's key only those that the service sent."""

import base64
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from souk.net.client import GuardedHttp
from souk.providers.base import Hint, Job, WebhookRequest
from souk.providers.kie import Kie
from tests.providers.kie_jobs import job_at

KEY = "the key of the callbacks"
MOMENT = "1800000000"


def job_of(key: str = "") -> Job:
    job = job_at("http://127.0.0.1:9")
    return replace(job, connection=replace(job.connection, options={"webhook_key": key}))


def told(
    body: Any, ref: str = "7", *, key: str = "", headers: dict[str, str] | None = None
) -> WebhookRequest:
    return WebhookRequest(job_of(key), ref, headers or {}, json.dumps(body).encode())


def signed(task: str, key: str = KEY) -> dict[str, str]:
    digest = hmac.new(key.encode(), f"{task}.{MOMENT}".encode(), "sha256").digest()
    return {"x-webhook-timestamp": MOMENT, "x-webhook-signature": base64.b64encode(digest).decode()}


@pytest.mark.parametrize(
    "body", [{"data": {"taskId": "7"}}, {"data": {"task_id": "7"}}, {"data": {"url": "x"}, "taskId": "7"}]
)
@pytest.mark.parametrize("ref", ["7", ""])
async def test_callback_about_the_task_is_a_hint(http: GuardedHttp, ref: str, body: object) -> None:
    assert await Kie().webhook(told(body, ref), http) == Hint("7")


@pytest.mark.parametrize(
    "body", [{"data": {"taskId": "8"}}, {"data": {"taskId": 7}}, {"data": None}, [], "7"]
)
async def test_callback_about_another_task_is_nothing(http: GuardedHttp, body: object) -> None:
    assert await Kie().webhook(told(body), http) is None


async def test_callback_that_is_not_json_is_nothing(http: GuardedHttp) -> None:
    assert await Kie().webhook(replace(told({}), body=b"{"), http) is None


async def test_signed_callback_is_a_hint_because_its_words_are_not_signed(http: GuardedHttp) -> None:
    body = {"code": 200, "data": {"taskId": "7", "state": "success", "resultJson": "{}"}}
    assert await Kie().webhook(told(body, key=KEY, headers=signed("7")), http) == Hint("7")


@pytest.mark.parametrize(
    "headers", [{}, signed("8"), signed("7", "another key"), signed("7") | {"x-webhook-timestamp": "1"}]
)
async def test_callback_without_the_right_signature_is_nothing_where_the_key_is_known(
    http: GuardedHttp, headers: dict[str, str]
) -> None:
    assert await Kie().webhook(told({"data": {"taskId": "7"}}, key=KEY, headers=headers), http) is None
