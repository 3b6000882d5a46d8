"""Uploads against the machine: memory stays flat while a large one comes in, and a kill leaves nothing behind."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.faults.process import API_KEY, ServerProcess

STREAM = "/api/file-stream-upload"
PIECE = os.urandom(1 << 20)
MEGABYTES = 100
MOST_GROWTH_MB = 20
KEY = {"Authorization": f"Bearer {API_KEY}"}
FORM = {**KEY, "Content-Type": "multipart/form-data; boundary=b"}
HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="uploadPath"\r\n\r\nlarge\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="film.bin"\r\n\r\n'
)
AGED = 2 * 3600
"""Seconds; what nobody wrote to for so long is abandoned."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = ServerProcess(tmp_path, f"sqlite:///{tmp_path / 'souk.db'}", "http://127.0.0.1:9")
    yield process
    await process.kill()


def rss_mb(server: ServerProcess) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found
    return int(found[1]) / 1024


def files(server: ServerProcess) -> list[Path]:
    """What is stored, or on its way in."""
    folder = server.folder / "files"
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".installation"]


async def until_files(server: ServerProcess, there: bool) -> None:
    async with asyncio.timeout(30):
        while bool(files(server)) != there:  # noqa: ASYNC110 - the disk offers no event
            await asyncio.sleep(0.02)


async def test_a_large_upload_passes_through_without_growing_the_server(server: ServerProcess) -> None:
    await server.start()
    seen: list[float] = []

    async def body() -> AsyncIterator[bytes]:
        yield HEAD
        for _ in range(MEGABYTES):
            yield PIECE
            seen.append(rss_mb(server))
        yield b"\r\n--b--\r\n"

    async with aiohttp.ClientSession() as session:
        small = HEAD + b"x\r\n--b--\r\n"
        async with session.post(server.url + STREAM, data=small, headers=FORM) as answer:
            assert answer.status == 200  # what the first upload loads is not growth
        idle = rss_mb(server)
        headers = {**FORM, "Content-Length": str(len(HEAD) + MEGABYTES * len(PIECE) + 9)}
        async with session.post(server.url + STREAM, data=body(), headers=headers) as answer:
            told = await answer.json()
        assert told["data"]["fileSize"] == MEGABYTES * len(PIECE), told
        assert max(*seen, rss_mb(server)) - idle <= MOST_GROWTH_MB


async def test_a_kill_in_the_middle_of_an_upload_leaves_nothing_after_the_sweep(
    server: ServerProcess,
) -> None:
    await server.start()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**FORM, "Content-Length": "9999999"}.items())
    writer.write(f"POST {STREAM} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + HEAD + PIECE)
    await until_files(server, there=True)
    await server.kill()
    writer.close()
    await settled(server)


async def test_a_kill_before_an_upload_is_on_record_leaves_nothing_after_the_sweep(
    server: ServerProcess,
) -> None:
    await server.start(trap="before-upload")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(server.url + STREAM, data=HEAD + b"x\r\n--b--\r\n", headers=FORM)
    await server.ended()
    await settled(server)


async def settled(server: ServerProcess) -> None:
    """Start again, hours later, and wait for the sweep."""
    left = files(server)
    assert left
    for path in left:
        facts = path.stat()
        os.utime(path, (facts.st_atime - AGED, facts.st_mtime - AGED))
    await server.start()
    await until_files(server, there=False)
