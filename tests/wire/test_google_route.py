"""A running Souk with an operator's Google keys: its models run there, and failures cost nothing."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.upstreams.google_cloud import REGION, FakeCloud, clip_of
from tests.upstreams.google_media import FakeGoogle
from tests.upstreams.google_omni import FakeOmni
from tests.upstreams.google_omni import clip_of as clip_from
from tests.wire.serving import Souk, open_souk


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture
async def souk(tmp_path: Path, google: FakeGoogle) -> AsyncIterator[Souk]:
    env = {"GEMINI_API_KEY": google.key, "SOUK_GOOGLE_BASE_URL": google.url}
    async with open_souk(tmp_path, engine=True, env=env, sandbox_workers=0) as made:
        yield made


async def ended(souk: Souk, task: str) -> dict[str, Any]:
    for _ in range(300):
        record = await souk.client.record(task)
        if record["state"] in ("success", "fail"):
            return record
        await asyncio.sleep(0.05)
    raise AssertionError(f"{task} did not end")


async def balance(souk: Souk) -> float:
    return (await souk.client.get("/api/v1/chat/credit")).data


async def test_picture_is_made_with_the_operators_key(souk: Souk, google: FakeGoogle) -> None:
    body = {"model": "nano-banana-2", "input": {"prompt": "A boat"}}
    record = await ended(souk, await souk.client.create(body))
    assert record["state"] == "success", record
    assert google.count("A boat", "gemini-3.1-flash-image") == 1


async def test_failure_at_google_releases_the_hold(souk: Souk, google: FakeGoogle) -> None:
    before = await balance(souk)
    body = {"model": "nano-banana-2", "input": {"prompt": "A boat [up:blocked]"}}
    record = await ended(souk, await souk.client.create(body))
    assert (record["state"], await balance(souk)) == ("fail", before)
    assert "content rules" in record["failMsg"]
    assert google.count("A boat") == 1


async def finished(souk: Souk, path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A Veo task that has succeeded."""
    task = (await souk.client.post(path, body)).data["taskId"]
    for _ in range(400):
        record = (await souk.client.get("/api/v1/veo/record-info", taskId=task)).data
        if record["successFlag"]:
            assert record["successFlag"] == 1, record
            return task, record
        await asyncio.sleep(0.05)
    raise AssertionError(f"{task} did not end")


async def test_clip_and_its_continuation_are_made_on_google_cloud(tmp_path: Path) -> None:
    with FakeCloud(queue_seconds=0, run_seconds=0) as cloud:
        env = {
            "GOOGLE_CLOUD_CREDENTIALS": cloud.account(),
            "GOOGLE_CLOUD_LOCATION": REGION,
            "SOUK_GOOGLE_CLOUD_BASE_URL": cloud.url,
        }
        async with open_souk(tmp_path, engine=True, env=env, sandbox_workers=0) as souk:
            clip = {"prompt": "A kite", "model": "veo3_fast"}
            task, _ = await finished(souk, "/api/v1/veo/generate", clip)
            longer = {"taskId": task, "prompt": "It dips", "model": "quality"}
            await finished(souk, "/api/v1/veo/extend", longer)
        first, second = cloud.submits
        sent = base64.b64decode(second.input["instances"][0]["video"]["bytesBase64Encoded"])
        assert (first.model, second.model) == ("veo-3.1-fast-generate-001", "veo-3.1-generate-001")
        assert sent == clip_of(first)
        assert cloud.tokens == 1
        assert cloud.complaints == []


async def test_omni_clip_is_fetched_with_the_key_and_kept(tmp_path: Path) -> None:
    with FakeOmni(queue_seconds=0, run_seconds=0) as omni:
        env = {"GEMINI_API_KEY": omni.key, "SOUK_GOOGLE_BASE_URL": omni.url}
        async with open_souk(tmp_path, engine=True, env=env, sandbox_workers=0) as souk:
            body = {"model": "gemini-omni-video", "input": {"prompt": "A boat", "duration": 8}}
            record = await ended(souk, await souk.client.create(body))
            assert record["state"] == "success", record
            (address,) = json.loads(record["resultJson"])["resultUrls"]
            async with souk.client.session.get(address) as answer:
                assert await answer.read() == clip_from(omni.submits[0])
        assert omni.complaints == []
