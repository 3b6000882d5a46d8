"""Outputs become stored files: whole, synced, hashed, sized and known by their bytes; or they are refused."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from souk.assets.ingest import Ingest, IngestFailed
from souk.providers.base import OutputFile
from souk.store.assets import AssetRow
from souk.words import TaskId
from tests.unit import media_files as media
from tests.unit.shelf import DAY_MS, SEGMENT, Shelf, open_sqlite_shelf
from tests.upstreams.raw import answer, raw_server, redirect, says

TASK = TaskId("f" * 32)


@pytest.fixture
async def shelf(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_sqlite_shelf(sqlite_template, tmp_path) as opened:
        yield opened


async def ingested(shelf: Shelf, output: OutputFile, ingest: Ingest | None = None) -> AssetRow:
    ingest = ingest or shelf.ingest()
    return await ingest.from_output(output, account_id=shelf.account_id, task_id=TASK, number=2)


async def downloaded(
    shelf: Shelf, reply: bytes, media_type: str = "", ingest: Ingest | None = None
) -> AssetRow:
    async with raw_server(says(reply)) as server:
        output = OutputFile(media_type=media_type, url=server.url("/result?signature=secret"))
        return await ingested(shelf, output, ingest)


async def nothing_is_left(shelf: Shelf) -> bool:
    return [path for path in (shelf.folder / "files").rglob("*") if path.is_file()] == []


async def test_row_tells_everything_about_the_file(shelf: Shelf) -> None:
    data = media.picture("PNG", 40, 30)
    row = await ingested(shelf, OutputFile(media_type="image/png", data=data))
    assert row == AssetRow(
        id=row.id,
        account_id=shelf.account_id,
        task_id=TASK,
        kind="result",
        number=2,
        path=f"{SEGMENT}/{row.id}.png",
        name="",
        media_type="image/png",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        width=40,
        height=30,
        seconds_ms=None,
        created_at=shelf.clock.now(),
        expires_at=shelf.clock.now() + 14 * DAY_MS,
    )
    assert len(row.id) == 32
    assert await shelf.read(row.path) == data


@pytest.mark.parametrize(
    ("label", "tail"),
    [
        ("Drums", "_Drums"),
        ("Backing Vocals", "_Backing_Vocals"),
        ("../../etc", "_etc"),
        ("日本", ""),
        ("", ""),
    ],
)
async def test_label_ends_the_files_name_in_plain_letters(shelf: Shelf, label: str, tail: str) -> None:
    output = OutputFile(media_type="image/png", data=media.picture("PNG", 4, 4), label=label)
    row = await ingested(shelf, output)
    assert row.path == f"{SEGMENT}/{row.id}{tail}.png"
    assert row.shown_name == f"{row.id}{tail}.png"


async def test_file_a_local_engine_made_is_taken_over(shelf: Shelf, tmp_path: Path) -> None:
    made = tmp_path / "made.mp4"
    made.write_bytes(media.film())
    row = await ingested(shelf, OutputFile(media_type="video/mp4", path=made))
    assert (row.media_type, row.width, row.height, row.seconds_ms) == ("video/mp4", 64, 48, 2000)
    assert not made.exists()


async def test_file_at_an_address_is_downloaded(shelf: Shelf) -> None:
    data = media.sound("wav", "pcm_s16le", 1.0)
    row = await downloaded(shelf, answer(data, "Content-Type: application/octet-stream"), "audio/wav")
    assert (row.media_type, row.seconds_ms) == ("audio/wav", 1000)
    assert await shelf.read(row.path) == data


async def test_key_goes_with_the_download(shelf: Shelf) -> None:
    async with raw_server(says(answer(media.PDF))) as server:
        output = OutputFile(url=server.url())
        await shelf.ingest().from_output(
            output, account_id=shelf.account_id, task_id=TASK, number=0, headers={"Authorization": "Key k"}
        )
    assert "Authorization: Key k" in server.heads[0]


async def test_bytes_decide_the_type_and_not_the_claim(shelf: Shelf) -> None:
    row = await ingested(shelf, OutputFile(media_type="image/png", data=media.picture("WEBP")))
    assert (row.media_type, row.path[-5:]) == ("image/webp", ".webp")


async def test_claim_decides_where_the_bytes_tell_nothing(shelf: Shelf) -> None:
    row = await ingested(shelf, OutputFile(media_type="audio/pcm", data=b"\0\1\2\3" * 100))
    assert (row.media_type, row.path[-4:]) == ("audio/pcm", ".pcm")


async def test_sound_in_a_film_container_is_sound(shelf: Shelf) -> None:
    row = await ingested(shelf, OutputFile(media_type="audio/mp4", data=media.sound("mp4", "aac")))
    assert (row.media_type, row.path[-4:]) == ("audio/mp4", ".m4a")


@pytest.mark.parametrize(
    ("data", "media_type", "reason"),
    [
        (b"", "image/png", "empty"),
        (media.HTML, "image/png", "web page"),
        (media.HTML, "", "web page"),
        (b'{"error":"expired"}', "video/mp4", "expected video/mp4"),
        (b"<?xml version='1.0'?><Error/>", "image/png", "expected image/png"),
    ],
)
async def test_error_page_is_no_result(shelf: Shelf, data: bytes, media_type: str, reason: str) -> None:
    with pytest.raises(IngestFailed, match=reason) as failed:
        await ingested(shelf, OutputFile(media_type=media_type, data=data))
    assert failed.value.retryable
    assert await nothing_is_left(shelf)


async def test_failed_ingest_leaves_a_local_file_for_the_next_try(shelf: Shelf, tmp_path: Path) -> None:
    made = tmp_path / "made.png"
    made.write_bytes(media.HTML)
    with pytest.raises(IngestFailed):
        await ingested(shelf, OutputFile(media_type="image/png", path=made))
    assert made.exists()


@pytest.mark.parametrize(
    "reply",
    [
        answer(media.picture("PNG")[:50], length=5000),
        answer(media.HTML, "Content-Type: text/html"),
        answer(b"gone", status="404 Not Found"),
        answer(b"", "Content-Type: image/png"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\x89PNG\r\r\n",
        b"",
    ],
    ids=["cut off", "web page", "404", "empty", "cut chunk", "no answer"],
)
async def test_broken_download_is_worth_another_try(shelf: Shelf, reply: bytes) -> None:
    with pytest.raises(IngestFailed) as failed:
        await downloaded(shelf, reply, "image/png")
    assert failed.value.retryable
    assert "secret" not in str(failed.value)
    assert await nothing_is_left(shelf)


async def test_download_past_the_limit_is_given_up(shelf: Shelf) -> None:
    with pytest.raises(IngestFailed) as failed:
        await downloaded(shelf, answer(bytes(2000)), "image/png", shelf.ingest(max_bytes=1000))
    assert not failed.value.retryable


async def test_download_follows_redirects(shelf: Shelf) -> None:
    async with raw_server(says(answer(media.PDF))) as store:
        row = await downloaded(shelf, redirect(store.url("/there")))
    assert row.media_type == "application/pdf"


async def test_full_disk_is_worth_another_try(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IngestFailed, match="No space left") as failed:
        await ingested(shelf, OutputFile(data=media.PDF))
    assert failed.value.retryable
    assert await nothing_is_left(shelf)


async def test_account_that_is_gone_takes_no_files(shelf: Shelf) -> None:
    with pytest.raises(IngestFailed, match="account") as failed:
        await shelf.ingest().from_output(OutputFile(data=media.PDF), account_id=999, task_id=TASK, number=0)
    assert not failed.value.retryable
