"""A task at OpenAI, from its create to its file: pictures that are answered at once, clips that are polled for."""

from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.upstreams.openai_media import FakeOpenAIMedia
from tests.wire.serving import Souk, open_souk
from tests.wire.uploading import Part, send_form

PICTURE, EDIT, FOUR_O = "gpt-image/1.5-text-to-image", "gpt-image/1.5-image-to-image", "gpt4o-image"
CLIP = "sora-2-image-to-video"
ASKED = {"aspect_ratio": "1:1", "quality": "medium"}
CREDIT = "/api/v1/chat/credit"


@pytest.fixture
def openai() -> Iterator[FakeOpenAIMedia]:
    with FakeOpenAIMedia(seconds=frozenset({"10"})) as server:
        yield server
        assert server.complaints == []


def at(openai: FakeOpenAIMedia) -> dict[str, str]:
    return {"OPENAI_API_KEY": openai.key, "SOUK_OPENAI_BASE_URL": f"{openai.url}/v1"}


@pytest.fixture
async def souk(openai: FakeOpenAIMedia, tmp_path: Path) -> AsyncIterator[Souk]:
    async with open_souk(tmp_path, engine=True, env=at(openai)) as opened:
        yield opened


async def uploaded(souk: Souk) -> str:
    """The address of a picture of our own, which no upstream could reach."""
    written = BytesIO()
    Image.new("RGB", (320, 200), (20, 90, 160)).save(written, "PNG")
    sent = await send_form(souk, Part(written.getvalue()), uploadPath="images")
    return sent.data["downloadUrl"]


async def ended(souk: Souk, model: str, input: dict[str, Any]) -> dict[str, Any]:
    """The record of a new task, at its end."""
    return await souk.client.record(await souk.client.create({"model": model, "input": input}), wait=30)


async def test_picture_is_made_kept_and_paid_for(souk: Souk, openai: FakeOpenAIMedia) -> None:
    before = (await souk.client.get(CREDIT)).data
    record = await ended(souk, PICTURE, {"prompt": "A red tram", **ASKED})
    assert record["state"] == "success"
    assert openai.count("A red tram") == 1
    assert (await souk.client.get(CREDIT)).data == before - 4


async def test_refused_picture_costs_nothing(souk: Souk, openai: FakeOpenAIMedia) -> None:
    before = (await souk.client.get(CREDIT)).data
    prompt = "A red tram [up:refuse=400] [up:code=moderation_blocked]"
    record = await ended(souk, PICTURE, {"prompt": prompt, **ASKED})
    assert (record["state"], record["failCode"]) == ("fail", "400")
    assert (openai.tries[prompt], openai.submits) == (1, [])
    assert (await souk.client.get(CREDIT)).data == before


async def test_picture_of_our_own_is_handed_over_inside_the_request(
    souk: Souk, openai: FakeOpenAIMedia
) -> None:
    record = await ended(
        souk, EDIT, {"prompt": "In two colours", "input_urls": [await uploaded(souk)], **ASKED}
    )
    assert record["state"] == "success"
    assert openai.submits[0].input["files"] == [["image", "image-0.png", "image/png", [320, 200]]]


async def test_retired_model_waits_for_the_operators_word(souk: Souk, openai: FakeOpenAIMedia) -> None:
    refused = await souk.client.post("/api/v1/gpt4o-image/generate", {"prompt": "A cup", "size": "1:1"})
    assert refused.code != 200
    assert openai.tries == {}


async def test_successor_that_the_operator_names_runs_in_its_place(
    openai: FakeOpenAIMedia, tmp_path: Path
) -> None:
    models = {FOUR_O: {"routes": [{"provider": "openai", "model": "gpt-image-1.5"}]}}
    async with open_souk(tmp_path, engine=True, env=at(openai), models=models) as souk:
        asked = {"prompt": "A cup", "size": "3:2", "nVariants": 2}
        task = (await souk.client.post("/api/v1/gpt4o-image/generate", asked)).data["taskId"]
        record = (await souk.client.get("/api/v1/gpt4o-image/record-info", taskId=task, wait=30)).data
    assert record["status"] == "SUCCESS"
    assert len(record["response"]["resultUrls"]) == 2
    assert [(s.model, s.input["size"], s.input["n"]) for s in openai.submits] == [
        ("gpt-image-1.5", "1536x1024", 2)
    ]


async def test_clip_is_made_on_a_server_that_speaks_the_videos_api(
    openai: FakeOpenAIMedia, tmp_path: Path
) -> None:
    env = {
        "SOUK_OPENAI_COMPATIBLE_BASE_URL": openai.url,
        "SOUK_OPENAI_COMPATIBLE_API_KEY": openai.key,
    }
    routes = [{"provider": "openai-compatible", "model": "sora-2"}]
    models = {CLIP: {"routes": routes, "usual_seconds": 0.2}}
    async with open_souk(tmp_path, engine=True, env=env, models=models) as souk:
        record = await ended(souk, CLIP, {"prompt": "She laughs", "image_urls": [await uploaded(souk)]})
    assert record["state"] == "success"
    assert [submit.input["files"] for submit in openai.submits] == [
        [["input_reference", "reference.png", "image/png", [1280, 720]]]
    ]


async def test_clip_that_fails_there_costs_nothing(openai: FakeOpenAIMedia, tmp_path: Path) -> None:
    env = at(openai)
    routes = [{"provider": "openai", "model": "sora-2", "status": "retired", "use_retired": True}]
    models = {"sora-2-text-to-video": {"routes": routes, "usual_seconds": 0.2}}
    async with open_souk(tmp_path, engine=True, env=env, models=models) as souk:
        before = (await souk.client.get(CREDIT)).data
        record = await ended(souk, "sora-2-text-to-video", {"prompt": "A boat [up:moderated]"})
        after = (await souk.client.get(CREDIT)).data
    assert (record["state"], after) == ("fail", before)
