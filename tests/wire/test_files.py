"""Stored files over real HTTP: ranges for players, conditions for caches, and no way to run as a page."""

import asyncio
import contextlib
import hashlib
import http.client
import os
import socket
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from souk.api.files import Files
from souk.store.assets import AssetRow
from tests.unit import media_files as media
from tests.unit.shelf import DAY_MS, SEGMENT, Shelf, open_sqlite_shelf

DATA = os.urandom(700_000)
"""Longer than one piece of a file being sent."""


class Reply:
    """A whole answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()


class Served:
    """A shelf behind a real server."""

    def __init__(self, shelf: Shelf, port: int) -> None:
        self.shelf = shelf
        self.port = port

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await asyncio.to_thread(self._ask, method, path, named)

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            return Reply(connection.getresponse())


@contextlib.asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[int]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


@pytest.fixture
async def served(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Served]:
    async with open_sqlite_shelf(sqlite_template, tmp_path) as shelf:
        files = Files(shelf.reads, shelf.storage, shelf.clock)
        async with running(Starlette(routes=[files.route()])) as port:
            yield Served(shelf, port)


async def put(served: Served, file: str = "clip.mp4", data: bytes = DATA, **facts: Any) -> AssetRow:
    facts = {"media_type": "video/mp4", "expires_at": served.shelf.clock.now() + DAY_MS, **facts}
    return await served.shelf.put(file, data, **facts)


def address(row: AssetRow) -> str:
    return f"/f/{row.path}"


async def test_file_comes_whole(served: Served) -> None:
    row = await put(served)
    reply = await served.ask(address(row))
    assert (reply.status, reply.body) == (200, DATA)
    assert reply.headers["content-type"] == "video/mp4"
    assert reply.headers["content-length"] == str(len(DATA))
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["etag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert reply.headers["last-modified"] == formatdate(row.created_at // 1000, usegmt=True)
    assert reply.headers["cache-control"] == "public, max-age=86400, immutable"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-disposition"] == 'inline; filename="clip.mp4"'


async def test_file_without_a_name_of_its_own_is_called_as_its_address_ends(served: Served) -> None:
    row = await put(served, name="")
    reply = await served.ask(address(row))
    assert reply.headers["content-disposition"] == f'inline; filename="{row.id}-clip.mp4"'


async def test_head_tells_all_but_the_bytes(served: Served) -> None:
    row = await put(served)
    whole, head = await served.ask(address(row)), await served.ask(address(row), "HEAD", Range="bytes=0-9")
    passing = {"date"}
    assert (head.status, head.body) == (200, b"")
    assert head.headers.items() - whole.headers.items() <= {(name, head.headers[name]) for name in passing}


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=699990-", 699_990, 700_000),
        ("bytes=-5", 699_995, 700_000),
        ("bytes=5-99999999", 5, 700_000),
        ("bytes=-99999999", 0, 700_000),
        ("Bytes = 7-8", 7, 9),
        ("bytes=1-600000", 1, 600_001),
    ],
)
async def test_range_is_answered_with_exactly_its_bytes(
    served: Served, asked: str, start: int, stop: int
) -> None:
    row = await put(served)
    reply = await served.ask(address(row), Range=asked)
    assert (reply.status, reply.body) == (206, DATA[start:stop])
    assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
    assert reply.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=700000-", "bytes=900000-900001", "bytes=-0"])
async def test_range_past_the_end_is_not_satisfiable(served: Served, asked: str) -> None:
    row = await put(served)
    reply = await served.ask(address(row), Range=asked)
    assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{len(DATA)}")


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=0-1,5-6", "", "bytes"]
)
async def test_range_that_cannot_be_read_gives_the_whole_file(served: Served, asked: str) -> None:
    row = await put(served)
    reply = await served.ask(address(row), Range=asked)
    assert (reply.status, len(reply.body)) == (200, len(DATA))


async def test_range_of_the_version_that_is_here_is_answered(served: Served) -> None:
    row = await put(served)
    for version in (f'"{row.sha256}"', formatdate(row.created_at // 1000, usegmt=True)):
        reply = await served.ask(address(row), Range="bytes=0-1", If_Range=version)
        assert reply.status == 206


async def test_range_of_another_version_gives_the_whole_file(served: Served) -> None:
    row = await put(served)
    for version in ('"other"', f'W/"{row.sha256}"', formatdate(0, usegmt=True)):
        reply = await served.ask(address(row), Range="bytes=0-1", If_Range=version)
        assert reply.status == 200


async def test_fresh_copy_is_not_sent_again(served: Served) -> None:
    row = await put(served)
    etag, later = f'"{row.sha256}"', formatdate(row.created_at // 1000 + 5, usegmt=True)
    fresh: list[dict[str, str]] = [
        {"If_None_Match": etag},
        {"If_None_Match": f'"x", W/{etag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": later},
    ]
    for condition in fresh:
        reply = await served.ask(address(row), **condition)
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)
        assert "max-age=86400" in reply.headers["cache-control"]


async def test_stale_copy_is_sent_again(served: Served) -> None:
    row = await put(served)
    later = formatdate(row.created_at // 1000 + 5, usegmt=True)
    stale: list[dict[str, str]] = [
        {"If_None_Match": '"other"'},
        {"If_None_Match": '"other"', "If_Modified_Since": later},
        {"If_Modified_Since": formatdate(0, usegmt=True)},
        {"If_Modified_Since": "yesterday"},
    ]
    for condition in stale:
        assert (await served.ask(address(row), **condition)).status == 200


@pytest.mark.parametrize(
    ("media_type", "sent_as"),
    [
        ("text/html", "text/html; charset=utf-8"),
        ("image/svg+xml", "image/svg+xml"),
        ("application/pdf", "application/pdf"),
        ("application/json", "application/json"),
        ("application/octet-stream", "application/octet-stream"),
    ],
)
async def test_what_could_run_as_a_page_is_sandboxed_and_saved(
    served: Served, media_type: str, sent_as: str
) -> None:
    row = await put(served, "file.bin", media.HTML, media_type=media_type)
    reply = await served.ask(address(row))
    assert reply.headers["content-type"] == sent_as
    assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert reply.headers["content-disposition"] == 'attachment; filename="file.bin"'
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_name_in_any_script_is_kept(served: Served) -> None:
    row = await put(served, "a.png", media_type="image/png", name='Fä"r.png')
    reply = await served.ask(address(row))
    assert reply.headers["content-disposition"] == (
        "inline; filename=\"F__r.png\"; filename*=UTF-8''F%C3%A4%22r.png"
    )


async def test_expired_file_is_gone(served: Served) -> None:
    row = await put(served)
    served.shelf.clock.advance(86_400)
    reply = await served.ask(address(row))
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    assert reply.body == (
        b'{"code":404,"msg":"There is no file at this address, or it has expired.","data":null}'
    )
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        f"/f/{SEGMENT}/none.png",
        "/f/none",
        "/f/",
        f"/f/{SEGMENT}/../../souk.db",
        f"/f/{SEGMENT}/%2e%2e/%2e%2e/souk.db",
        "/f/.scratch/x",
        f"/f/{SEGMENT}/a%00.png",
    ],
)
async def test_address_without_a_file_is_not_found(served: Served, path: str) -> None:
    assert (await served.ask(path)).status == 404


async def test_row_without_bytes_is_not_found(served: Served) -> None:
    row = await put(served)
    await served.shelf.storage.delete([row.path])
    assert (await served.ask(address(row))).status == 404


async def test_row_without_bytes_is_logged_without_a_traceback(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    row = await put(served)
    await served.shelf.storage.delete([row.path])
    await served.ask(address(row))
    (said,) = [record for record in caplog.records if record.name == "souk.files"]
    assert (said.levelname, said.getMessage(), said.exc_info) == ("ERROR", "stored file has no bytes", None)
    assert (said.__dict__["path"], said.__dict__["task_id"]) == (row.path, row.task_id)


async def test_any_page_may_read_files(served: Served) -> None:
    row = await put(served)
    reply = await served.ask(address(row), "OPTIONS", Origin="https://app.example")
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "GET" in reply.headers["access-control-allow-methods"]
    assert (await served.ask(address(row), "POST")).status == 405


def open_files(folder: Path) -> Iterator[str]:
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = str(entry.readlink())
            if target.startswith(str(folder)):
                yield target


async def test_client_that_goes_away_leaves_no_file_open(served: Served, tmp_path: Path) -> None:
    row = await put(served, data=bytes(30_000_000))
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET {address(row)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await reader.readexactly(1000)
    assert list(open_files(tmp_path / "files"))
    writer.transport.abort()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not list(open_files(tmp_path / "files")):
            return
    pytest.fail("the file is still open")
