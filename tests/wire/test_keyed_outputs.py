"""Results that open with the operator's key only: where the key goes, where it never lies, and their memory."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from souk.store.database import sqlite_url
from tests.upstreams.openai_media import FakeOpenAIMedia
from tests.upstreams.raw import answer, raw_server, says
from tests.upstreams.results import result_file
from tests.wire.serving import Souk, open_souk

MODEL = "sora-2-text-to-video"
MEGABYTE = 1 << 20
CLIP_BYTES = 300 * MEGABYTE
MEMORY_BYTES = 20 * MEGABYTE
MODELS: dict[str, Any] = {
    MODEL: {"routes": [{"provider": "openai-compatible", "model": "sora-2"}], "usual_seconds": 0.2}
}


class HugeClips(FakeOpenAIMedia):
    """A server whose clips are as large as they can be, and empty for the most part."""

    async def _content(self, request: web.Request) -> web.StreamResponse:
        if wrong := self._locked(request):
            return wrong
        clip = result_file("video", 1)
        padding = CLIP_BYTES - len(clip)
        response = web.StreamResponse(
            headers={"Content-Type": "video/mp4", "Content-Length": str(CLIP_BYTES)}
        )
        await response.prepare(request)
        await response.write(clip + padding.to_bytes(4, "big") + b"free")
        zeros = bytes(MEGABYTE)
        left = padding - 8
        while left:
            piece = zeros[: min(left, MEGABYTE)]
            await response.write(piece)
            left -= len(piece)
        return response


@pytest.fixture
def clips() -> Iterator[FakeOpenAIMedia]:
    with FakeOpenAIMedia(queue_seconds=0, run_seconds=0, seconds=frozenset({"10"})) as server:
        yield server
        assert server.complaints == []


def at(clips: FakeOpenAIMedia) -> dict[str, str]:
    return {
        "SOUK_OPENAI_COMPATIBLE_BASE_URL": clips.url,
        "SOUK_OPENAI_COMPATIBLE_API_KEY": clips.key,
    }


async def created(souk: Souk, prompt: str) -> str:
    return await souk.client.create({"model": MODEL, "input": {"prompt": prompt}})


async def kept(souk: Souk, task: str) -> bytes:
    """The clip of a task, as a client downloads it."""
    record = await souk.client.record(task, wait=30)
    assert record["state"] == "success", record
    (address,) = json.loads(record["resultJson"])["resultUrls"]
    async with souk.client.session.get(address) as got:
        return await got.read()


def clip_of(clips: FakeOpenAIMedia) -> bytes:
    return result_file("video", int(clips.submits[0].task_id[:6], 16))


def holding(folder: Path, secret: bytes) -> list[Path]:
    """The files below a folder that have a secret in them."""
    return [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


async def test_clip_that_lies_at_a_foreign_host_is_kept_and_the_host_never_sees_the_key(
    clips: FakeOpenAIMedia, tmp_path: Path
) -> None:
    clip = result_file("video", 7)
    async with (
        raw_server(says(answer(clip, "Content-Type: video/mp4"))) as foreign,
        open_souk(tmp_path, engine=True, env=at(clips), models=MODELS) as souk,
    ):
        clips.elsewhere = foreign.url("/clip.mp4")
        assert await kept(souk, await created(souk, "A boat [up:file-elsewhere]")) == clip
    assert len(foreign.heads) == 1
    assert clips.key not in foreign.heads[0]
    assert "authorization" not in foreign.heads[0].lower()


async def test_clip_is_fetched_after_a_restart_with_a_key_that_was_not_stored(
    clips: FakeOpenAIMedia, tmp_path: Path
) -> None:
    async with open_souk(
        tmp_path, engine=True, env=at(clips), models=MODELS, port=0, drain_seconds=0
    ) as souk:
        task = await created(souk, "A boat [up:file-404-once=1000]")
        async with asyncio.timeout(20):
            while not clips.fetches:  # noqa: ASYNC110 - it happens in another thread
                await asyncio.sleep(0.01)
    assert holding(tmp_path, clips.key.encode()) == []
    clips.fetches[clips.submits[0].task_id] = 1000
    async with open_souk(tmp_path, engine=True, env=at(clips), models=MODELS) as souk:
        assert await kept(souk, task) == clip_of(clips)
    assert clips.count("A boat") == 1


async def test_clip_that_is_not_there_at_first_is_asked_for_again(
    clips: FakeOpenAIMedia, tmp_path: Path
) -> None:
    async with open_souk(tmp_path, engine=True, env=at(clips), models=MODELS) as souk:
        assert await kept(souk, await created(souk, "A boat [up:file-404-once]")) == clip_of(clips)
    assert clips.polls[clips.submits[0].task_id] >= 2, "its address may be another by now"


async def test_clip_larger_than_the_operator_allows_ends_the_task_uncharged(
    clips: FakeOpenAIMedia, tmp_path: Path
) -> None:
    async with open_souk(tmp_path, engine=True, env=at(clips), models=MODELS, max_result_bytes=1024) as souk:
        before = (await souk.client.get("/api/v1/chat/credit")).data
        record = await souk.client.record(await created(souk, "A boat"), wait=30)
        assert (record["state"], (await souk.client.get("/api/v1/chat/credit")).data) == ("fail", before)


async def test_memory_stays_flat_while_a_clip_of_300_megabytes_is_kept(tmp_path: Path) -> None:
    on_disk = sqlite_url(tmp_path / "souk.db")
    with HugeClips(queue_seconds=0, run_seconds=0, seconds=frozenset({"10"})) as clips:
        async with open_souk(
            tmp_path, engine=True, env=at(clips), models=MODELS, database_url=on_disk
        ) as souk:
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                record = await souk.client.record(await created(souk, "A boat"), wait=60)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert record["state"] == "success", record
            assert peak - before < MEMORY_BYTES
            sizes = [path.stat().st_size for path in (tmp_path / "files").rglob("*.mp4")]
            assert sizes == [CLIP_BYTES]
