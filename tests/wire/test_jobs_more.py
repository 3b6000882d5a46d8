"""What Souk adds to the Jobs API: idempotency, waiting, events, lists, cancelling, keeping and deleting."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.wire.serving import CHEAP, CREATE, NO_TASK, RECORD, Souk, open_souk

STALLED = {"model": CHEAP["model"], "input": {"prompt": "[souk:stall]"}}


@pytest.fixture
def souk_database(database_url: str) -> str:
    """What is stored is tried on each database."""
    return database_url


async def test_equal_creates_with_one_idempotency_key_make_one_task(souk: Souk) -> None:
    replies = await asyncio.gather(
        *(souk.client.post(CREATE, CHEAP, Idempotency_Key="k-1") for _ in range(5))
    )
    assert len({reply.data["taskId"] for reply in replies}) == 1


async def test_an_idempotency_key_with_another_body_gets_422(souk: Souk) -> None:
    await souk.client.create(Idempotency_Key="k-1")
    other = {"model": CHEAP["model"], "input": {"prompt": "Another"}}
    reply = await souk.client.post(CREATE, other, Idempotency_Key="k-1")
    assert (reply.code, reply.error["code"]) == (422, "idempotency_conflict")


async def test_an_unprintable_idempotency_key_is_refused(souk: Souk) -> None:
    reply = await souk.client.post(CREATE, CHEAP, Idempotency_Key="k" * 256)
    assert (reply.code, reply.error["field"]) == (422, "Idempotency-Key")


async def test_a_callers_own_task_id_makes_one_task(souk: Souk) -> None:
    own = {**CHEAP, "clientTaskId": "order-17"}
    assert await souk.client.create(own) == await souk.client.create(own)


async def test_a_wait_ends_when_the_task_does(running: Souk) -> None:
    started = time.monotonic()
    record = await running.client.record(await running.client.create(), wait=60)
    assert record["state"] == "success"
    assert time.monotonic() - started < 30


async def test_a_wait_ends_after_its_seconds(souk: Souk) -> None:
    task_id = await souk.client.create()
    started = time.monotonic()
    assert (await souk.client.record(task_id, wait=0.3))["state"] == "waiting"
    assert 0.3 <= time.monotonic() - started < 5


async def test_events_tell_each_state_until_the_end(running: Souk) -> None:
    task_id = await running.client.create()
    reply = await running.client.get(f"/api/v1/jobs/{task_id}/events")
    assert reply.headers["content-type"].startswith("text/event-stream")
    told = [block for block in reply.raw.decode().split("\n\n") if block.startswith("event: record")]
    records = [json.loads(block.partition("\ndata: ")[2]) for block in told]
    assert records[-1] == await running.client.record(task_id)
    assert records[-1]["state"] == "success"
    assert all(record["state"] != "success" for record in records[:-1])


async def test_a_list_is_newest_first_and_pages(souk: Souk) -> None:
    made = [await souk.client.create() for _ in range(5)]
    first = (await souk.client.get("/api/v1/jobs/list", limit=3)).data
    rest = (await souk.client.get("/api/v1/jobs/list", limit=3, before=first["next"])).data
    assert [task["taskId"] for task in first["tasks"] + rest["tasks"]] == made[::-1]
    assert rest["next"] is None


async def test_a_list_can_be_narrowed(souk: Souk) -> None:
    await souk.client.create()
    for query, count in (({"state": "waiting"}, 1), ({"state": "success"}, 0), ({"model": "other"}, 0)):
        assert len((await souk.client.get("/api/v1/jobs/list", **query)).data["tasks"]) == count


async def test_a_list_refuses_what_it_cannot_mean(souk: Souk) -> None:
    wrong = [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("state", "done"),
        ("before", "x"),
        ("model", "\0"),
    ]
    for name, value in wrong:
        reply = await souk.client.get("/api/v1/jobs/list", **{name: value})
        assert (reply.code, reply.error["field"]) == (422, name), value


async def test_an_estimate_is_what_a_create_holds(souk: Souk) -> None:
    before = (await souk.client.get("/api/v1/chat/credit")).data
    estimate = (await souk.client.post("/api/v1/jobs/estimate", CHEAP)).data
    assert (await souk.client.get("/api/v1/chat/credit")).data == before
    await souk.client.create()
    assert (await souk.client.get("/api/v1/chat/credit")).data == before - estimate["credits"]
    assert (estimate["model"], estimate["mode"]) == (CHEAP["model"], "sandbox")


async def test_a_waiting_task_is_cancelled_and_refunded(souk: Souk) -> None:
    before = (await souk.client.get("/api/v1/chat/credit")).data
    task_id = await souk.client.create()
    answer = (await souk.client.post("/api/v1/jobs/cancelTask", {"taskId": task_id})).data
    assert answer == {"taskId": task_id, "cancel": "cancelled"}
    record = await souk.client.record(task_id)
    assert (record["state"], record["error"]["code"]) == ("fail", "cancelled")
    assert (await souk.client.get("/api/v1/chat/credit")).data == before


async def test_a_finished_task_is_too_late_to_cancel(running: Souk) -> None:
    task_id = await running.client.create()
    await running.client.record(task_id, wait=30)
    answer = (await running.client.post("/api/v1/jobs/cancelTask", {"taskId": task_id})).data
    assert answer["cancel"] == "too_late"
    assert (await running.client.record(task_id))["state"] == "success"


async def test_a_deleted_task_is_unknown_and_its_file_gone(running: Souk) -> None:
    task_id = await running.client.create()
    record = await running.client.record(task_id, wait=30)
    (url,) = json.loads(record["resultJson"])["resultUrls"]
    assert (await running.client.post("/api/v1/jobs/deleteTask", {"taskId": task_id})).code == 200
    assert (await running.client.get(RECORD, taskId=task_id)).code == 422
    async with running.client.session.get(url) as answer:
        assert answer.status == 404


async def test_an_unfinished_task_is_not_deleted(souk: Souk) -> None:
    task_id = await souk.client.create()
    reply = await souk.client.post("/api/v1/jobs/deleteTask", {"taskId": task_id})
    assert (reply.code, reply.error["code"]) == (409, "conflict")
    assert (await souk.client.record(task_id))["state"] == "waiting"


async def test_keeping_a_task_is_confirmed(souk: Souk) -> None:
    task_id = await souk.client.create()
    for keep in (True, False):
        body = {"taskId": task_id, "keep": keep}
        assert (await souk.client.post("/api/v1/jobs/keepTask", body)).data == body


async def test_a_change_needs_the_id_of_a_task(souk: Souk) -> None:
    wrong: list[tuple[dict[str, object], int]] = [
        ({}, 400),
        ({"taskId": ""}, 400),
        ({"taskId": 7}, 422),
        ({"taskId": NO_TASK}, 422),
    ]
    for call in ("cancelTask", "keepTask", "deleteTask"):
        for body, code in wrong:
            reply = await souk.client.post(f"/api/v1/jobs/{call}", body)
            assert (reply.status, reply.code, reply.error["field"]) == (200, code, "taskId"), (call, body)


async def test_the_catalogue_can_be_searched(souk: Souk) -> None:
    everything = (await souk.client.get("/api/v1/models")).data
    assert everything["total"] == len(everything["models"]) > 100
    found = (await souk.client.get("/api/v1/models", provider="google", q="nano-banana-pro")).data
    assert [model["model"] for model in found["models"]] == ["nano-banana-pro"]
    assert (await souk.client.get("/api/v1/models", q="zzzz")).data == {"total": 0, "models": []}


async def test_one_model_comes_with_its_schema(souk: Souk) -> None:
    model = (await souk.client.get("/api/v1/models/seedream/4.5-text-to-image")).data
    assert model["model"] == "seedream/4.5-text-to-image"
    assert "prompt" in model["input"]["properties"]
    unknown = await souk.client.get("/api/v1/models/zzzz")
    assert (unknown.status, unknown.code) == (200, 404)


async def test_the_balance_is_a_bare_number(tmp_path: Path) -> None:
    async with open_souk(tmp_path, initial_credits=60.62) as souk:
        reply = await souk.client.get("/api/v1/chat/credit")
        assert reply.raw == b'{"code":200,"msg":"success","data":60.62}'
