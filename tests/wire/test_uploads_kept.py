"""What becomes of uploads: another takes the name, a task holds on to one, and days pass."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from souk.assets.retention import sweep
from souk.words import TaskId
from tests.clock import HandClock
from tests.unit import media_files as media
from tests.wire.serving import Souk, open_souk
from tests.wire.uploading import EDIT, Part, send_form, send_text, served, stored_files

on_the_disk = pytest.mark.alone("files are counted on the disk", on_disk=True)

FIRST, SECOND = media.picture("PNG", 256, 256), media.picture("JPEG", 300, 300)


@pytest.fixture
def souk_database(database_url: str) -> str:
    """What is stored is tried on each database."""
    return database_url


async def swept_after(souk: Souk, minutes: float) -> None:
    """Clean up as the engine would in so many minutes."""
    clock = HandClock(souk.house.clock.now() + round(minutes * 60_000))
    await sweep(souk.house.lane, souk.house.reads, souk.house.storage, clock)


def sizes(souk: Souk) -> list[int]:
    return sorted(path.stat().st_size for path in stored_files(souk) if not path.name.startswith("."))


async def test_the_same_name_gets_the_new_file_at_the_same_link(souk: Souk) -> None:
    first = (await send_text(souk, FIRST, fileName="cat.png")).data
    _, before = await served(souk, first["downloadUrl"])
    second = (await send_form(souk, Part(SECOND), fileName="cat.png")).data
    assert second["downloadUrl"] == first["downloadUrl"]
    got, after = await served(souk, first["downloadUrl"])
    assert (got, after["content-type"], second["mimeType"]) == (SECOND, "image/jpeg", "image/jpeg")
    assert after["etag"] != before["etag"]
    assert after["cache-control"] == "public, no-cache"


@on_the_disk
async def test_the_replaced_file_leaves_the_disk(souk: Souk) -> None:
    await send_text(souk, FIRST, fileName="cat.png")
    await send_text(souk, SECOND, fileName="cat.png")
    await swept_after(souk, 10)
    assert sizes(souk) == [len(SECOND)]


@on_the_disk
async def test_of_uploads_at_once_one_gets_the_name(souk: Souk) -> None:
    files = [media.picture("PNG", width, 10) for width in range(10, 18)]
    replies = await asyncio.gather(*(send_text(souk, data, fileName="cat.png") for data in files))
    (url,) = {reply.data["downloadUrl"] for reply in replies}
    got, _ = await served(souk, url)
    assert got in files
    await swept_after(souk, 10)
    assert (await served(souk, url))[0] == got
    assert sizes(souk) == [len(got)]


async def test_a_task_gets_the_file_as_it_was_when_the_task_was_created(souk: Souk, tmp_path: Path) -> None:
    url = (await send_text(souk, FIRST, fileName="cat.png")).data["downloadUrl"]
    body = {**EDIT, "input": {**EDIT["input"], "image_url": url}}
    early = await souk.client.create(body)
    await send_text(souk, SECOND, fileName="cat.png")
    late = await souk.client.create(body)
    await swept_after(souk, 10)
    for task_id, data in ((early, FIRST), (late, SECOND)):
        task = await souk.house.reads.task(TaskId(task_id))
        assert task is not None
        inputs = await souk.house.media_of(task, json.loads(task.input), partial(Path, tmp_path, task_id))
        (file,) = await inputs.files("image_url")
        assert file.path.read_bytes() == data


async def test_an_upload_goes_after_its_days(souk: Souk) -> None:
    url = (await send_text(souk, FIRST, fileName="cat.png")).data["downloadUrl"]
    await swept_after(souk, 3 * 24 * 60 - 1)
    assert (await served(souk, url))[0] == FIRST
    await swept_after(souk, 3 * 24 * 60 + 6)
    async with souk.client.session.get(url) as answer:
        assert answer.status == 404
    assert sizes(souk) == []


async def test_an_expired_upload_is_not_served(tmp_path: Path) -> None:
    async with open_souk(tmp_path, uploads_days=1e-9) as souk:
        url = (await send_text(souk, FIRST)).data["downloadUrl"]
        async with souk.client.session.get(url) as answer:
            assert answer.status == 404
