"""The plumbing around every call: request ids, browsers, wrong paths, our own faults, health and metrics."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from souk import __version__
from souk.api.events import HEARTBEAT, event_stream
from souk.api.health import HealthRoutes, Readiness
from tests.wire.serving import CHEAP, CREATE, RECORD, Souk

breaks_its_process = pytest.mark.alone("what it breaks inside a process must be in the one it asks")
counts_in_its_process = pytest.mark.alone(
    "each process counts what it did itself, or all that is in its database"
)


async def test_a_clients_request_id_comes_back(souk: Souk) -> None:
    reply = await souk.client.call("GET", "/api/v1/chat/credit", headers={"X-Request-Id": "trace-17.a"})
    assert reply.headers["x-request-id"] == "trace-17.a"


async def test_an_unfit_request_id_is_replaced(souk: Souk) -> None:
    for given in ("x" * 65, "a b", 'a"b'):
        reply = await souk.client.call("GET", "/api/v1/chat/credit", headers={"X-Request-Id": given})
        assert reply.headers["x-request-id"] != given


async def test_every_answer_has_a_request_id_and_is_open_to_browsers(souk: Souk) -> None:
    replies = [
        await souk.client.post(CREATE, CHEAP),
        await souk.client.post(CREATE, b"{"),
        await souk.client.get(RECORD),
        await souk.client.get("/api/v1/models"),
        await souk.client.get("/api/v1/nowhere"),
        await souk.client.get("/health"),
        await souk.client.get("/metrics"),
    ]
    for reply in replies:
        assert reply.headers["x-request-id"]
        assert reply.headers["access-control-allow-origin"] == "*"


async def test_a_browser_may_ask_first(souk: Souk) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    for path in (CREATE, RECORD, "/api/v1/models", "/anywhere"):
        reply = await souk.client.call("OPTIONS", path, headers=asked)
        assert (reply.status, reply.raw) == (204, b"")
        assert reply.headers["access-control-allow-origin"] == "*"
        assert "POST" in reply.headers["access-control-allow-methods"]
        for name in ("Authorization", "Content-Type", "Idempotency-Key"):
            assert name in reply.headers["access-control-allow-headers"]


async def test_an_unknown_path_gets_the_nearest_one(souk: Souk) -> None:
    reply = await souk.client.post("/api/v1/job/createTask", CHEAP)
    assert (reply.status, reply.code, reply.error["code"]) == (404, 404, "unknown_path")
    assert CREATE in reply.body["msg"]


async def test_an_unknown_path_is_answered_with_one_of_the_same_method(souk: Souk) -> None:
    for path, right in (
        ("/api/v1/jobs/getTaskDetail", RECORD),
        ("/api/v1/veo/status/1", "/api/v1/veo/record-info"),
        ("/api/v1/jobs/lists", "/api/v1/jobs/list"),
        ("/api/v1/user/credits", "/api/v1/chat/credit"),
    ):
        reply = await souk.client.get(path)
        assert reply.body["msg"] == f"No such path: {path}; did you mean {right}?"
    assert "did you mean" not in (await souk.client.get("/nowhere")).body["msg"]


async def test_a_wrong_method_is_told_the_right_one(souk: Souk) -> None:
    for method, path, right in (
        ("GET", CREATE, "POST"),
        ("POST", RECORD, "GET"),
        ("DELETE", "/api/v1/jobs/list", "GET"),
    ):
        reply = await souk.client.call(method, path)
        assert (reply.status, reply.code, reply.error["code"]) == (405, 405, "method_not_allowed")
        assert right in reply.body["msg"]
        assert right in reply.headers["allow"].split(", ")


@breaks_its_process
async def test_our_own_fault_is_logged_and_not_told(souk: Souk, caplog: pytest.LogCaptureFixture) -> None:
    souk.house.reads.close()  # from now on no look-up can work
    await asyncio.sleep(1.1)  # what was known of the key is forgotten
    with caplog.at_level(logging.ERROR, "souk.api"):
        reply = await souk.client.get(RECORD, taskId="019a3c0a91e27d84a5c1390d4e8b2716")
    assert (reply.status, reply.code, reply.error["code"]) == (200, 500, "internal")
    assert "Traceback" not in reply.raw.decode()
    (logged,) = [record for record in caplog.records if record.exc_info]
    assert logged.__dict__["request_id"] == reply.headers["x-request-id"]


async def test_the_bare_address_leads_to_the_page_and_tells_who_answers(souk: Souk) -> None:
    url = souk.client.url
    async with souk.client.session.get(f"{url}/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, "docs")
        told = await answer.json()
    assert told == {
        "name": "Souk",
        "version": __version__,
        "docs": f"{url}/docs",
        "openapi": f"{url}/openapi.json",
        "llms": f"{url}/llms.txt",
    }
    for name in ("docs", "openapi", "llms"):
        async with souk.client.session.get(told[name]) as answer:
            assert answer.status == 200


async def test_health_and_readiness_need_no_key(souk: Souk) -> None:
    souk.client.key = ""
    assert (await souk.client.get("/health")).body["status"] == "ok"
    ready = await souk.client.get("/ready")
    assert (ready.status, ready.body["status"]) == (200, "ready")
    assert set(ready.body["checks"].values()) == {"ok"}


@breaks_its_process
async def test_a_process_without_its_database_is_alive_but_not_ready(souk: Souk) -> None:
    souk.house.lane.close()
    assert (await souk.client.get("/health")).status == 200
    ready = await souk.client.get("/ready")
    assert (ready.status, ready.body["status"]) == (503, "not ready")
    assert ready.body["checks"]["lane"] != "ok"
    assert ready.body["checks"]["database"] == "ok"


@pytest.mark.alone("SQLite tells of a write", on_disk=True)
async def test_readiness_is_tried_with_a_write_that_reaches_the_disk(souk: Souk) -> None:
    with closing(sqlite3.connect(souk.house.database.path)) as other:
        written = other.execute("PRAGMA data_version").fetchone()
        await souk.client.get("/ready")
        assert other.execute("PRAGMA data_version").fetchone() != written


async def test_a_check_that_hangs_is_not_ready() -> None:
    routes = HealthRoutes(Readiness({"stuck": lambda: asyncio.sleep(10)}, patience=0.05))
    answer = await routes.ready(Request({"type": "http"}))
    assert answer.status_code == 503
    assert b"no answer" in answer.body


@breaks_its_process
async def test_an_engine_that_stopped_is_not_ready(running: Souk) -> None:
    assert (await running.client.get("/ready")).body["checks"]["engine"] == "ok"
    assert running.house.engine is not None
    await running.house.engine.close()
    assert (await running.client.get("/ready")).status == 503


@counts_in_its_process
async def test_metrics_count_what_happened(running: Souk) -> None:
    await running.client.record(await running.client.create(), wait=30)
    await running.client.post(CREATE, {"model": "zzzz", "input": {}})
    text = (await running.client.get("/metrics")).raw.decode()
    assert 'souk_creates_total{outcome="created"} 1.0' in text
    assert 'souk_creates_total{outcome="unknown_model"} 1.0' in text
    assert 'souk_finishes_total{outcome="success"} 1.0' in text
    assert "souk_lane_batches_total" in text
    assert "process_resident_memory_bytes" in text


@counts_in_its_process
async def test_metrics_tell_what_waits(souk: Souk) -> None:
    for _ in range(3):
        await souk.client.create()
    text = (await souk.client.get("/metrics")).raw.decode()
    assert 'souk_tasks{state="waiting"} 3.0' in text
    assert 'souk_tasks{state="generating"} 0.0' in text


@counts_in_its_process
async def test_metrics_tell_which_callbacks_wait(souk: Souk) -> None:
    task_id = await souk.client.create({**CHEAP, "callBackUrl": "http://127.0.0.1:9/hook"})
    await souk.client.post("/api/v1/jobs/cancelTask", {"taskId": task_id})
    text = (await souk.client.get("/metrics")).raw.decode()
    assert "souk_callbacks_pending 1.0" in text
    assert "souk_callbacks_late 1.0" in text


@counts_in_its_process
async def test_metrics_tell_which_parts_are_ready(running: Souk) -> None:
    text = (await running.client.get("/metrics")).raw.decode()
    for check in ("database", "lane", "engine"):
        assert f'souk_ready{{check="{check}"}} 1.0' in text


@breaks_its_process
async def test_metrics_tell_which_part_is_not_ready(souk: Souk) -> None:
    souk.house.lane.close()
    text = (await souk.client.get("/metrics")).raw.decode()
    assert 'souk_ready{check="lane"} 0.0' in text
    assert 'souk_ready{check="database"} 1.0' in text


@counts_in_its_process
async def test_metrics_tell_how_large_the_write_batches_are(souk: Souk) -> None:
    await souk.client.create()
    (family,) = [
        family
        for family in text_string_to_metric_families((await souk.client.get("/metrics")).raw.decode())
        if family.name == "souk_lane_batch_size"
    ]
    values = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    stats = souk.house.lane.stats
    assert 1 <= values["1.0"] <= values["2.0"] <= values["256.0"] <= values["+Inf"]
    # The page asks the lane whether it works: that write may be counted a moment after the page is.
    assert values["souk_lane_batch_size_count"] == values["+Inf"] in (stats.batches - 1, stats.batches)
    assert values["souk_lane_batch_size_sum"] in (stats.operations - 1, stats.operations)


async def test_no_metric_names_an_account_or_a_key(running: Souk) -> None:
    await running.client.record(await running.client.create(), wait=30)
    text = (await running.client.get("/metrics")).raw.decode()
    assert running.client.key not in text
    assert 'account="' not in text


async def test_a_silent_event_stream_beats() -> None:
    async def nothing() -> AsyncIterator[object]:
        await asyncio.sleep(10)
        yield {}

    stream = event_stream({"state": "waiting"}, nothing(), lambda record: record, heartbeat=0.02)  # type: ignore[arg-type]
    pieces = aiter(stream.body_iterator)
    assert (await anext(pieces)) == b'event: record\ndata: {"state":"waiting"}\n\n'
    assert await anext(pieces) == HEARTBEAT
    assert await anext(pieces) == HEARTBEAT


async def test_a_websocket_is_refused(souk: Souk) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await souk.client.session.ws_connect(souk.client.url + CREATE)


@breaks_its_process
async def test_a_long_wait_ends_when_the_client_leaves(souk: Souk) -> None:
    task_id = await souk.client.create()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(souk.client.record(task_id, wait=60), 0.5)
    async with asyncio.timeout(5):
        while requests_under_way():  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.05)


def requests_under_way() -> int:
    return sum("run_asgi" in repr(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.alone("a fleet has a public address, where nothing is assumed to be a laptop")
async def test_a_forwarding_header_tightens_the_default_policy(souk: Souk) -> None:
    hook = {**CHEAP, "callBackUrl": "http://127.0.0.1:9/hook"}
    assert (await souk.client.post(CREATE, hook)).code == 200
    await souk.client.call("GET", "/health", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (await souk.client.post(CREATE, hook)).error["code"] == "blocked_address"
