"""The Jobs API as the market documents it: create, record, callback, for tasks that succeed and that fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.upstreams.receiver import receiver
from tests.wire.serving import CHEAP, Souk, open_souk

DOCUMENTED_KEYS = [
    *("taskId", "model", "state", "param", "resultJson", "failCode", "failMsg"),
    *("costTime", "completeTime", "createTime", "updateTime", "creditsConsumed"),
]


@pytest.fixture
def souk_database(database_url: str) -> str:
    """What is stored is tried on each database."""
    return database_url


def prompting(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": CHEAP["model"], "input": {"prompt": prompt}, **more}


async def balance(souk: Souk) -> float:
    return (await souk.client.get("/api/v1/chat/credit")).data


async def test_a_created_task_waits_in_the_documented_form(souk: Souk) -> None:
    task_id = await souk.client.create({**CHEAP, "callBackUrl": "http://127.0.0.1:9/hook"})
    assert len(task_id) == 32
    assert set(task_id) <= set("0123456789abcdef")
    record = await souk.client.record(task_id)
    assert list(record) == DOCUMENTED_KEYS
    assert (record["taskId"], record["model"], record["state"]) == (task_id, CHEAP["model"], "waiting")
    assert json.loads(record["param"]) == {
        "model": CHEAP["model"],
        "callBackUrl": "http://127.0.0.1:9/hook",
        "input": CHEAP["input"],
    }
    assert (record["resultJson"], record["failCode"], record["failMsg"]) == ("", "", "")
    assert (record["costTime"], record["completeTime"]) == (None, None)


async def test_the_first_paths_of_create_and_record_lead_to_the_same_tasks(souk: Souk) -> None:
    under = "/api/v1/playground"
    task_id = (await souk.client.post(f"{under}/createTask", CHEAP)).data["taskId"]
    asked = await souk.client.get(f"{under}/recordInfo", taskId=task_id)
    assert asked.data == await souk.client.record(task_id)
    assert asked.data["state"] == "waiting"


async def test_answers_are_json_in_utf_8(souk: Souk) -> None:
    reply = await souk.client.get("/api/v1/chat/credit")
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"


async def test_a_task_succeeds_with_a_file_one_can_fetch(running: Souk) -> None:
    before = await balance(running)
    record = await running.client.record(await running.client.create(), wait=30)
    assert record["state"] == "success"
    (url,) = json.loads(record["resultJson"])["resultUrls"]
    async with running.client.session.get(url) as answer:
        assert answer.status == 200
        assert (await answer.read()).startswith(b"\x89PNG")
    assert record["costTime"] == record["completeTime"] - record["createTime"]
    assert record["creditsConsumed"] > 0
    assert await balance(running) == before - record["creditsConsumed"]


async def test_a_failed_task_tells_why_and_costs_nothing(running: Souk) -> None:
    before = await balance(running)
    record = await running.client.record(await running.client.create(prompting("[souk:fail=422]")), wait=30)
    assert (record["state"], record["failCode"], record["resultJson"]) == ("fail", "422", "")
    assert record["failMsg"]
    assert record["error"]["code"] == "bad_input"
    assert record["creditsConsumed"] == 0
    assert await balance(running) == before


async def test_a_moderated_task_carries_the_policy_code(running: Souk) -> None:
    record = await running.client.record(await running.client.create(prompting("[souk:moderated]")), wait=30)
    assert (record["failCode"], record["error"]["code"]) == ("400", "moderation")


async def test_a_success_is_told_to_the_callback_as_the_record(running: Souk) -> None:
    async with receiver() as hook:
        task_id = await running.client.create({**CHEAP, "callBackUrl": hook.url()})
        (told,) = await hook.wait(1, seconds=30)
    body = json.loads(told.body)
    assert (body["code"], body["msg"]) == (200, "Playground task completed successfully.")
    assert body["data"] == await running.client.record(task_id)


async def test_a_failure_is_told_to_the_callback(running: Souk) -> None:
    async with receiver() as hook:
        await running.client.create(prompting("[souk:fail=500]", callBackUrl=hook.url()))
        (told,) = await hook.wait(1, seconds=30)
    body = json.loads(told.body)
    assert (body["code"], body["msg"]) == (501, "Playground task failed.")
    assert (body["data"]["state"], body["data"]["resultJson"]) == ("fail", None)


async def test_unknown_fields_are_passed_over_with_warnings(souk: Souk) -> None:
    reply = await souk.client.post(
        "/api/v1/jobs/createTask",
        {**CHEAP, "input": {**CHEAP["input"], "promt_strength": 3}, "priority": 1},
    )
    warnings = reply.data["warnings"]
    assert any("priority" in warning for warning in warnings)
    assert any("promt_strength" in warning for warning in warnings)
    assert (await souk.client.record(reply.data["taskId"]))["warnings"] == warnings


async def test_the_observed_wire_encodes_the_input_twice(tmp_path: Path) -> None:
    async with open_souk(tmp_path, wire="observed") as souk:
        record = await souk.client.record(await souk.client.create())
    assert json.loads(json.loads(record["param"])["input"]) == CHEAP["input"]
    assert (record["failCode"], record["failMsg"]) == (None, None)
    assert "updateTime" not in record
