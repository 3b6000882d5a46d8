"""The dedicated image and video APIs over HTTP, each operation from its create to its callback."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from souk.catalog.load import load_catalog
from tests.upstreams.receiver import receiver
from tests.wire.decoded import decode
from tests.wire.dedicated import CLIP, JPG, JSON, MP4, OPERATIONS, PARENT, PNG, Operation, ended
from tests.wire.harbour import FLEET
from tests.wire.media import media_server
from tests.wire.serving import CREATE, NO_TASK, RECORD, Client, Reply, Souk, masked, open_souk

pytestmark = pytest.mark.asyncio(loop_scope="module")

VEO = OPERATIONS["/api/v1/veo/generate"]
FOUR_O = OPERATIONS["/api/v1/gpt4o-image/generate"]
FULL_HD = "/api/v1/veo/get-1080p-video"
ULTRA_HD = "/api/v1/veo/get-4k-video"
DOWNLOAD = "/api/v1/gpt4o-image/download-url"

each = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
each_first = pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS.values() if not operation.parent],
    ids=lambda it: it.path,
)
"""Those that build on no finished task, so that a server that runs nothing takes them."""


@dataclass
class Desk:
    """A Souk that runs its tasks, one that leaves them waiting, and a served clip."""

    running: Souk
    idle: Souk
    clip: str
    folder: Path
    _made: dict[str, str] = field(default_factory=dict[str, str])
    """Finished tasks by the create's path."""

    async def finished(self, path: str) -> str:
        """A task of this operation that succeeded; the same one every time."""
        if path not in self._made:
            operation = OPERATIONS[path]
            task_id = await self.create(operation)
            await ended(self.running.client, operation, task_id)
            self._made[path] = task_id
        return self._made[path]

    async def create(self, operation: Operation, said: str = "", **more: Any) -> str:
        body = await self.body(operation) | more
        body["prompt"] += said
        reply = await self.running.client.post(operation.path, body)
        assert reply.body == {"code": 200, "msg": "success", "data": {"taskId": reply.data["taskId"]}}
        return reply.data["taskId"]

    async def body(self, operation: Operation) -> dict[str, Any]:
        new = {CLIP: self.clip}
        if operation.parent:
            new[PARENT] = await self.finished(operation.parent)
        return {name: new.get(str(value), value) for name, value in operation.request.items()}

    async def side_of(self, url: str) -> tuple[int, int]:
        async with self.running.client.session.get(url) as answer:
            path = self.folder / "clip.mp4"
            path.write_bytes(await answer.read())
        found = decode(path, "video/mp4", None)
        return found.size or (0, 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("dedicated")
    (folder / "media").mkdir()
    async with AsyncExitStack() as stack:
        media = stack.enter_context(media_server(folder / "media"))
        running = await stack.enter_async_context(
            open_souk(folder / "running", engine=True, initial_credits=100_000)
        )
        idle = await stack.enter_async_context(open_souk(folder / "idle"))
        yield Desk(running, idle, media.address("videoUrl", ("video",), ()), folder)


@each_first
async def test_a_waiting_task_has_the_documented_record(desk: Desk, operation: Operation) -> None:
    task_id = (await desk.idle.client.post(operation.path, await desk.body(operation))).data["taskId"]
    data = (await desk.idle.client.get(operation.record, taskId=task_id)).data
    assert data == operation.waiting
    assert list(data) == list(operation.waiting)


@each
async def test_a_success_is_recorded_and_told_as_documented(desk: Desk, operation: Operation) -> None:
    async with receiver() as hook:
        task_id = await desk.create(operation, callBackUrl=hook.url())
        (told,) = await hook.wait(1, seconds=60)
    data = await ended(desk.running.client, operation, task_id)
    assert data == operation.done
    assert list(data) == list(operation.done)
    assert json.loads(told.body) == operation.told
    assert task_id in told.body.decode()


@each
async def test_a_failure_is_recorded_and_told_as_documented(desk: Desk, operation: Operation) -> None:
    async with receiver() as hook:
        task_id = await desk.create(operation, f" {operation.failure}", callBackUrl=hook.url())
        (told,) = await hook.wait(1, seconds=60)
    data = await ended(desk.running.client, operation, task_id)
    error = data.pop("error")
    assert data == operation.failed
    assert error["message"]
    assert json.loads(told.body) == operation.told_failed


@each
async def test_an_unknown_id_has_no_record(desk: Desk, operation: Operation) -> None:
    reply = await desk.idle.client.get(operation.record, taskId=NO_TASK)
    assert (reply.status, reply.body["code"], reply.body["msg"]) == (200, 422, "recordInfo is null")
    assert reply.error["code"] == "unknown_task"


NAMING = [
    *(("GET", operation.record, path, {}) for path, operation in OPERATIONS.items()),
    ("POST", DOWNLOAD, FOUR_O.path, {"url": "http://example.com/a.png"}),
    ("POST", "/api/v1/runway/extend", "/api/v1/runway/generate", {"prompt": "x", "quality": "720p"}),
    ("POST", "/api/v1/veo/extend", VEO.path, {"prompt": "x"}),
    ("GET", FULL_HD, VEO.path, {}),
    ("POST", ULTRA_HD, VEO.path, {}),
]
"""Method, path, the create of the task it names, and what else it takes."""


async def test_another_accounts_task_is_an_unknown_one(desk: Desk) -> None:
    stranger = await desk.running.another_account("stranger")
    for method, path, made_by, more in NAMING:
        seen: list[object] = []
        for task_id in (await desk.finished(made_by), NO_TASK):
            given = {"taskId": task_id, **more}
            reply = await (stranger.post(path, given) if method == "POST" else stranger.get(path, **given))
            seen.append(masked(reply))
        assert seen[0] == seen[1], path


@each
async def test_a_record_call_without_an_id_is_told_so(desk: Desk, operation: Operation) -> None:
    reply = await desk.idle.client.get(operation.record)
    assert (reply.body["code"], reply.body["msg"]) == (400, "taskId parameter is required")


@each
async def test_a_misspelt_callback_is_refused(desk: Desk, operation: Operation) -> None:
    body = {"prompt": "x", "callbackUrl": "http://127.0.0.1:9/"}
    assert (await desk.idle.client.post(operation.path, body)).error["allowed"] == ["callBackUrl"]


@each_first
async def test_unknown_fields_are_passed_over_with_a_warning(desk: Desk, operation: Operation) -> None:
    body = {**await desk.body(operation), "expandPrompt": True}
    data = (await desk.idle.client.post(operation.path, body)).data
    assert ["expandPrompt" in warning for warning in data["warnings"]] == [True]


@each_first
async def test_an_idempotency_key_makes_one_task(desk: Desk, operation: Operation) -> None:
    body = await desk.body(operation)
    ids = {
        (await desk.idle.client.post(operation.path, body, Idempotency_Key="order-7")).data["taskId"]
        for _ in range(2)
    }
    assert len(ids) == 1


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("/api/v1/gpt4o-image/generate", {"prompt": "x"}, "size"),
    ("/api/v1/gpt4o-image/generate", {"size": "1:1"}, ""),
    ("/api/v1/gpt4o-image/generate", {"prompt": "x", "size": "16:9"}, "size"),
    ("/api/v1/flux/kontext/generate", {"aspectRatio": "1:1"}, "prompt"),
    ("/api/v1/flux/kontext/generate", {"prompt": "x", "model": "flux-2"}, "model"),
    (
        "/api/v1/flux/kontext/generate",
        {"prompt": "x", "inputImage": "https://example.com/a.png", "safetyTolerance": 3},
        "safetyTolerance",
    ),
    ("/api/v1/runway/generate", {"prompt": "x", "quality": "720p"}, "duration"),
    ("/api/v1/runway/generate", {"prompt": "x", "duration": 10, "quality": "1080p"}, "quality"),
    ("/api/v1/runway/extend", {"taskId": NO_TASK, "prompt": "x"}, "quality"),
    ("/api/v1/runway/extend", {"taskId": NO_TASK, "prompt": "x", "quality": "720p"}, "taskId"),
    ("/api/v1/aleph/generate", {"prompt": "x"}, "videoUrl"),
    ("/api/v1/veo/generate", {"prompt": "x", "model": "veo-4k"}, "model"),
    ("/api/v1/veo/generate", {"prompt": "x", "seeds": 7}, "seeds"),
    ("/api/v1/veo/generate", {"prompt": "x", "generationType": "REFERENCE_2_VIDEO"}, "imageUrls"),
    ("/api/v1/veo/extend", {"taskId": NO_TASK, "prompt": "x"}, "taskId"),
    (ULTRA_HD, {"taskId": NO_TASK}, "taskId"),
]


@pytest.mark.parametrize(("path", "body", "named"), REFUSED)
async def test_a_bad_create_names_its_field(desk: Desk, path: str, body: dict[str, Any], named: str) -> None:
    reply = await desk.idle.client.post(path, body)
    assert (reply.status, reply.body["code"]) == (200, 422)
    assert reply.error["field"] == named


async def test_a_record_belongs_to_the_family_that_created_it(desk: Desk) -> None:
    task_id = await desk.finished(FOUR_O.path)
    for path in (RECORD, VEO.record):
        assert (await desk.running.client.get(path, taskId=task_id)).error["code"] == "unknown_task"


async def test_a_parent_is_of_the_same_family(desk: Desk) -> None:
    picture = await desk.finished(FOUR_O.path)
    clip = await desk.finished("/api/v1/runway/generate")
    for other in (picture, clip):
        reply = await desk.running.client.post("/api/v1/veo/extend", {"taskId": other, "prompt": "x"})
        assert reply.error["code"] == "unknown_parent"


@pytest.mark.parametrize("model", [m.id for m in load_catalog().models.values() if m.dialect != "jobs"])
async def test_the_market_does_not_create_what_has_an_api_of_its_own(desk: Desk, model: str) -> None:
    reply = await desk.idle.client.post(CREATE, {"model": model, "input": {"prompt": "x"}})
    assert reply.error["code"] == "unknown_model"


async def test_models_of_dedicated_apis_are_described_but_not_listed(desk: Desk) -> None:
    client = desk.idle.client
    assert (await client.get("/api/v1/models")).data["total"] == 150
    assert (await client.get("/api/v1/models/veo3")).data["dialect"] == "veo"


async def test_four_o_makes_as_many_pictures_as_asked(desk: Desk) -> None:
    task_id = await desk.create(FOUR_O, nVariants=2)
    assert (await ended(desk.running.client, FOUR_O, task_id))["response"]["resultUrls"] == [PNG, PNG]


async def download(desk: Desk, task_id: str, url: str) -> Reply:
    return await desk.running.client.post(DOWNLOAD, {"taskId": task_id, "url": url})


async def test_a_direct_link_of_a_picture_can_be_fetched(desk: Desk) -> None:
    task_id = await desk.finished(FOUR_O.path)
    (url,) = (await ended(desk.running.client, FOUR_O, task_id))["response"]["resultUrls"]
    async with desk.running.client.session.get((await download(desk, task_id, url)).data) as answer:
        assert (await answer.read()).startswith(b"\x89PNG")


async def test_a_direct_link_is_refused_in_the_words_of_the_wire(desk: Desk) -> None:
    task_id = await desk.finished(FOUR_O.path)
    failed = await desk.create(FOUR_O, " [souk:fail=500]")
    await ended(desk.running.client, FOUR_O, failed)
    said = {
        (await download(desk, id, "http://example.com/a.png")).body["msg"]
        for id in (NO_TASK, task_id, failed)
    }
    assert said == {
        "record is null",
        "record result data not exist",
        "record status is not success",
    }


async def test_veo_takes_the_older_spelling_of_the_ratio_and_repeats_it(desk: Desk) -> None:
    task_id = await desk.create(VEO, duration=4, aspect_ratio=None, aspectRatio="9:16", model="veo3")
    data = await ended(desk.running.client, VEO, task_id)
    shown = json.loads(data["paramJson"])
    assert (shown["model"], shown["aspectRatio"]) == ("veo3", "9:16")
    assert data["response"]["originUrls"] == data["response"]["resultUrls"]
    assert await desk.side_of(data["response"]["resultUrls"][0]) == (720, 1280)


async def test_the_1080p_copy_is_begun_once_and_then_answered(desk: Desk) -> None:
    client, task_id = desk.running.client, await desk.finished(VEO.path)
    first = await client.get(FULL_HD, taskId=task_id, index=0)
    assert (first.body["code"], first.body["data"]) == (422, None)
    assert first.error["retryable"]
    again = await client.get(FULL_HD, taskId=task_id, wait=60)
    assert again.body == {"code": 200, "msg": "success", "data": {"resultUrl": MP4}}
    assert (await client.get(FULL_HD, taskId=task_id)).data == again.data
    assert await desk.side_of(again.data["resultUrl"]) == (1920, 1080)


async def test_the_4k_copy_is_begun_once_told_and_then_answered(desk: Desk) -> None:
    # A short one of its own: in a fleet the copy must be made between two kills, and begun anew when it is tried again.
    client, parent = desk.running.client, await desk.create(VEO, duration=4)
    await ended(client, VEO, parent)
    async with receiver() as hook:
        begun = await client.post(ULTRA_HD, {"taskId": parent, "index": 0, "callBackUrl": hook.url()})
        # In a fleet the answer may go with its server, and the client that asks again hears what all later calls hear.
        assert begun.body["code"] == 200 or (FLEET and begun.body["code"] == 422)
        task_id = begun.body["data"]["taskId"]
        assert begun.body["data"] == {"taskId": task_id, "resultUrls": None, "imageUrls": None}
        again = await client.post(ULTRA_HD, {"taskId": parent})
        (told,) = await hook.wait(1, seconds=180 if FLEET else 60)
    assert again.body["code"] == 422
    assert again.body["msg"].startswith("4k is processing.")
    assert again.body["data"] == begun.body["data"]
    ready = await client.post(ULTRA_HD, {"taskId": parent})
    files = {"resultUrls": [MP4], "imageUrls": [JPG]}
    assert (ready.body["code"], ready.body["msg"]) == (422, "The video has been generated successfully")
    assert ready.body["data"] == {"taskId": task_id, **files}
    assert json.loads(told.body) == {
        "code": 200,
        "msg": "4K Video generated successfully.",
        "data": {"taskId": task_id, "info": files},
    }
    data = await ended(client, VEO, task_id)
    assert data["response"]["resolution"] == "4k"
    assert data["mediaIds"]
    assert "fallbackFlag" not in data
    assert data["paramJson"] == JSON
    assert await desk.side_of(ready.body["data"]["resultUrls"][0]) == (3840, 2160)


async def test_a_live_key_is_told_that_no_connection_runs_these(tmp_path: Path) -> None:
    connected = {"ANTHROPIC_API_KEY": "no-such-key"}  # it only chats
    async with open_souk(tmp_path, env=connected) as souk:
        client: Client = souk.client
        reply = await client.post(FOUR_O.path, FOUR_O.request)
    assert (reply.body["code"], reply.error["code"]) == (505, "no_route")
