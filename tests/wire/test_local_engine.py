"""The local engine's models over the wire: they run in every mode, with and without connections, for nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from souk.settings import SandboxPolicy
from souk.words import Mode
from tests.wire.decoded import Decoded, decode
from tests.wire.media import MediaServer, media_server
from tests.wire.serving import CREATE, Client, open_souk

DEAD: dict[str, str] = {"KIE_API_KEY": "no-such-key", "SOUK_KIE_BASE_URL": "http://127.0.0.1:9"}


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[MediaServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    with media_server(folder) as server:
        yield server


async def ended(client: Client, model: str, input: dict[str, Any]) -> dict[str, Any]:
    task_id = await client.create({"model": model, "input": input})
    while (record := await client.record(task_id, wait=30))["state"] not in ("success", "fail"):
        pass
    return record


async def decoded(client: Client, record: dict[str, Any], at: Path) -> Decoded:
    assert record["state"] == "success", record
    (url,) = json.loads(record["resultJson"])["resultUrls"]
    async with client.session.get(url) as answer:
        content, media_type = await answer.read(), answer.content_type
    path = at / url.rpartition("/")[2]
    await asyncio.to_thread(path.write_bytes, content)
    return await asyncio.to_thread(decode, path, media_type)


@pytest.mark.parametrize(
    ("env", "sandbox"),
    [
        ({}, SandboxPolicy.AUTO),
        (DEAD, SandboxPolicy.AUTO),
        ({}, SandboxPolicy.NEVER),
        ({}, SandboxPolicy.ALWAYS),
    ],
    ids=["no-connection", "a-connection", "no-sandbox", "only-sandbox"],
)
async def test_real_work_is_done_whatever_is_configured(
    tmp_path: Path, media: MediaServer, env: dict[str, str], sandbox: SandboxPolicy
) -> None:
    async with open_souk(tmp_path / "data", engine=True, env=env, sandbox=sandbox) as souk:
        before = (await souk.client.get("/api/v1/chat/credit")).data
        input = {"image_url": f"{media.url}/picture.png", "scale": 2, "format": "webp"}
        record = await ended(souk.client, "souk/image-resize", input)
        found = await decoded(souk.client, record, tmp_path)
        assert (found.form, found.size, found.marked) == ("WEBP", (640, 480), False)
        assert record["creditsConsumed"] == 0
        assert (await souk.client.get("/api/v1/chat/credit")).data == before


async def test_a_sandbox_key_gets_the_same_work_beside_a_connection(
    tmp_path: Path, media: MediaServer
) -> None:
    async with open_souk(tmp_path / "data", engine=True, env=DEAD) as souk:
        client = await souk.another_key("main", mode=Mode.SANDBOX)
        input = {"audio_url": f"{media.url}/sound.wav", "format": "flac"}
        found = await decoded(client, await ended(client, "souk/audio-convert", input), tmp_path)
    assert (found.codec, found.rate, found.marked) == ("flac", 44_100, False)


async def test_an_unusable_file_fails_by_field_and_costs_nothing(tmp_path: Path, media: MediaServer) -> None:
    async with open_souk(tmp_path / "data", engine=True) as souk:
        input = {"video_url": f"{media.url}/picture.png"}
        record = await ended(souk.client, "souk/video-upscale", input)
    assert (record["state"], record["failCode"], record["creditsConsumed"]) == ("fail", "422", 0)
    assert record["failMsg"].startswith("video_url")


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({}, ""),
        ({"scale": 2, "width": 100}, "width"),
        ({"scale": 9}, "scale"),
        ({"width": 0}, "width"),
        ({"width": 10, "fit": "crop"}, "fit"),
    ],
)
async def test_a_size_that_makes_no_sense_is_refused_at_create(
    tmp_path: Path, input: dict[str, Any], field: str
) -> None:
    async with open_souk(tmp_path / "data") as souk:
        body = {
            "model": "souk/image-resize",
            "input": {"image_url": "https://files.example/a.png", **input},
        }
        reply = await souk.client.post(CREATE, body)
    assert reply.error["code"] == "invalid_input"
    assert (reply.error.get("field") or "") == field
