"""Input files that an operator's upstream does not take, end to end: what it gets, what the client reads and pays."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from souk.cli.story import tell
from tests.unit import media_files
from tests.upstreams.kie import FakeKie
from tests.upstreams.kling import SECRET, FakeKling
from tests.wire.serving import Client, Souk, open_souk
from tests.wire.uploading import BASE64

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = "kling/v2-1-standard"
PRICE = 25.0


@pytest.fixture(scope="module")
def kling() -> Iterator[FakeKling]:
    """Refuses what is not JPEG or PNG, and complains of it."""
    with FakeKling(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest.fixture(scope="module")
def kie() -> Iterator[FakeKie]:
    """Takes what our model takes."""
    with FakeKie(queue_seconds=0, run_seconds=0) as server:
        yield server
        assert server.complaints == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def souk(
    tmp_path_factory: pytest.TempPathFactory, kling: FakeKling, kie: FakeKie
) -> AsyncIterator[Souk]:
    folder: Path = tmp_path_factory.mktemp("fitted")
    env = {
        "KLING_ACCESS_KEY": kling.key,
        "KLING_SECRET_KEY": SECRET,
        "SOUK_KLING_BASE_URL": kling.url,
        "KIE_API_KEY": kie.key,
        "SOUK_KIE_BASE_URL": kie.url,
    }
    quick = {MODEL: {"usual_seconds": 0.2}}
    async with open_souk(folder, engine=True, env=env, models=quick) as made:
        yield made


async def uploaded(client: Client, data: bytes, name: str) -> str:
    body = {"base64Data": base64.b64encode(data).decode(), "uploadPath": "in", "fileName": name}
    return (await client.post(BASE64, body)).data["downloadUrl"]


async def ended(client: Client, task: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        record = await client.record(task)
        while record["state"] not in ("success", "fail"):
            record = await client.record(task, wait=5)
        return record


async def balance(client: Client) -> float:
    return (await client.get("/api/v1/chat/credit")).data


def asked(url: str, prompt: str, **beside: Any) -> dict[str, Any]:
    return {"model": MODEL, "input": {"prompt": prompt, "image_url": url, "duration": "5", **beside}}


async def test_a_picture_the_upstream_refuses_arrives_as_one_it_takes(souk: Souk, kling: FakeKling) -> None:
    before = await balance(souk.client)
    url = await uploaded(souk.client, media_files.picture("WEBP", 200, 150), "woman.webp")
    task = await souk.client.create(asked(url, "she laughs", nonsense=1))
    record = await ended(souk.client, task)
    assert record["state"] == "success", record
    (submit,) = [submit for submit in kling.submits if submit.prompt == "she laughs"]
    with Image.open(io.BytesIO(base64.b64decode(submit.input["image"]))) as arrived:
        assert (arrived.format, arrived.size) == ("JPEG", (400, 300))
    passed_over, changed = record["warnings"]
    assert passed_over.startswith("`nonsense`")
    assert changed == (
        "image_url: converted from image/webp to image/jpeg and scaled from 200x150 to 400x300 for kling"
    )
    assert await balance(souk.client) == before - PRICE


async def test_the_story_of_the_task_tells_of_it(souk: Souk, capsys: pytest.CaptureFixture[str]) -> None:
    url = await uploaded(souk.client, media_files.picture("WEBP", 400, 300), "man.webp")
    task = await souk.client.create(asked(url, "he laughs"))
    await ended(souk.client, task)
    caller = await souk.house.operations.authenticate(souk.client.key, "127.0.0.1")
    story = await souk.house.operations.story(caller, task)
    assert story is not None
    tell(story)
    assert "converted from image/webp to image/jpeg for kling" in capsys.readouterr().out


async def test_what_was_changed_for_one_upstream_is_not_told_of_another(souk: Souk, kie: FakeKie) -> None:
    data = media_files.picture("WEBP", 320, 310)
    url = await uploaded(souk.client, data, "dog.webp")
    task = await souk.client.create(
        asked(url, f"it laughs {'and laughs ' * 240}")
    )  # more words than Kling takes
    record = await ended(souk.client, task)
    assert record["state"] == "success", record
    (submit,) = kie.submits
    assert list(kie.uploads.values()) == [data]
    assert submit.input["image_url"].endswith(".webp")
    assert "warnings" not in record


async def test_a_broken_picture_is_told_of_by_its_field_and_costs_nothing(
    souk: Souk, kling: FakeKling
) -> None:
    before, submits = await balance(souk.client), len(kling.submits)
    whole = media_files.picture("WEBP", 400, 300, lossless=True)
    url = await uploaded(souk.client, whole[: len(whole) // 2], "cut.webp")
    record = await ended(souk.client, await souk.client.create(asked(url, "nobody laughs")))
    assert (record["state"], record["error"]["code"], record["error"]["retryable"]) == (
        "fail",
        "bad_input",
        False,
    )
    assert record["failMsg"] == "The file of image_url cannot be read as an image."
    assert record["failCode"] == "422"
    assert len(kling.submits) == submits
    assert await balance(souk.client) == before
    assert "warnings" not in record
