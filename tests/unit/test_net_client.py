"""What goes out and what comes back: bodies, forms, files on disk, limits."""

import gzip
import hashlib
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from souk.net.client import GuardedHttp
from souk.net.http import BadStatus, FilePart, Form, MaybeSent, Response, TooLarge, Unreadable
from souk.net.policy import Policy
from tests.upstreams.raw import Exchange, answer, raw_server, says

MEGABYTE = 1024 * 1024


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    async with GuardedHttp.open(Policy.OPEN) as client:
        yield client


async def get(http: GuardedHttp, url: str, max_bytes: int = MEGABYTE) -> Response:
    return await http.request("GET", url, timeout=10, max_bytes=max_bytes)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


class Body:
    """Reads one request body by its Content-Length or its chunks."""

    def __init__(self) -> None:
        self.head = ""
        self.data = b""

    async def __call__(self, exchange: Exchange) -> None:
        self.head = await exchange.asked()
        if "Transfer-Encoding: chunked" in self.head:
            while size := int(await exchange.reader.readline(), 16):
                self.data += await exchange.reader.readexactly(size)
                await exchange.reader.readline()
        else:
            length = int(self.head.partition("Content-Length: ")[2].partition("\r\n")[0])
            self.data = await exchange.reader.readexactly(length)
        await exchange.say(answer())


async def test_json_is_sent_as_json(http: GuardedHttp) -> None:
    seen = Body()
    async with raw_server(seen) as server:
        await http.request("POST", server.url(), json={"a": "ü"}, timeout=5, max_bytes=100)
    assert seen.data == '{"a":"ü"}'.encode()
    assert "Content-Type: application/json" in seen.head


async def test_bytes_are_sent_as_they_are(http: GuardedHttp) -> None:
    seen = Body()
    async with raw_server(seen) as server:
        headers = {"Content-Type": "image/png"}
        await http.request("PUT", server.url(), headers=headers, data=b"\x89PNG", timeout=5, max_bytes=100)
    assert seen.data == b"\x89PNG"
    assert "Content-Type: image/png" in seen.head


async def test_stream_is_sent_piece_by_piece(http: GuardedHttp) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    seen = Body()
    async with raw_server(seen) as server:
        await http.request("POST", server.url(), data=pieces(), timeout=5, max_bytes=100)
    assert seen.data == b"one two"


async def test_form_carries_fields_and_files(http: GuardedHttp, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG cat")
    form = Form({"uploadPath": "inputs"}, [FilePart("file", tmp_path / "cat.png", "cat.png", "image/png")])
    seen = Body()
    async with raw_server(seen) as server:
        await http.submit("POST", server.url(), data=form, timeout=5, max_bytes=100)
    assert "Content-Type: multipart/form-data; boundary=" in seen.head
    assert b'name="uploadPath"' in seen.data
    assert b'name="file"; filename="cat.png"' in seen.data
    assert b"Content-Type: image/png" in seen.data
    assert b"\x89PNG cat" in seen.data


async def test_form_without_files_is_still_multipart(http: GuardedHttp) -> None:
    seen = Body()
    async with raw_server(seen) as server:
        await http.submit("POST", server.url(), data=Form({"a": "b"}), timeout=5, max_bytes=100)
    assert "multipart/form-data" in seen.head


async def test_answer_has_lower_case_headers_and_joined_repeats(http: GuardedHttp) -> None:
    async with raw_server(
        says(answer(b"hi", "X-One: 1", "X-Many: a", "x-many: b", "Retry-After: 7"))
    ) as server:
        response = await get(http, server.url())
    assert (response.headers["x-one"], response.headers["x-many"]) == ("1", "a, b")
    assert response.retry_after() == 7.0
    assert response.text() == "hi"


@pytest.mark.parametrize("value", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "", "1e9", "٣"])
def test_retry_after_that_is_no_number_of_seconds_is_passed_over(value: str) -> None:
    assert Response(429, {"retry-after": value}, b"").retry_after() is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe", b'"\xff"', b"[" * 100_000])
def test_body_that_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="HTTP 200"):
        Response(200, {}, body).json()


async def test_error_status_is_an_answer(http: GuardedHttp) -> None:
    async with raw_server(says(answer(b"no", status="503 Service Unavailable"))) as server:
        assert (await get(http, server.url())).status == 503


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello" * 1000)),
        ("gzip", gzip.compress(b"hello" * 400) + gzip.compress(b"hello" * 600)),
        ("deflate", zlib.compress(b"hello" * 1000)),
        ("deflate", zlib.compress(b"hello" * 1000, wbits=-15)),
        ("identity", b"hello" * 1000),
    ],
    ids=["gzip", "gzip in two members", "zlib", "bare deflate", "identity"],
)
async def test_compressed_answer_is_decoded(http: GuardedHttp, encoding: str, body: bytes) -> None:
    async with raw_server(says(answer(body, f"Content-Encoding: {encoding}"))) as server:
        assert (await get(http, server.url())).body == b"hello" * 1000


async def test_large_compressed_answer_is_decoded_whole(http: GuardedHttp) -> None:
    plain = b"\0" * (5 * MEGABYTE + 12_345)
    async with raw_server(says(answer(gzip.compress(plain), "Content-Encoding: gzip"))) as server:
        assert (await get(http, server.url(), 6 * MEGABYTE)).body == plain


async def test_limit_counts_decoded_bytes_and_a_bomb_is_not_unfolded(http: GuardedHttp) -> None:
    bomb = gzip.compress(b"\0" * (200 * MEGABYTE), 9)
    async with raw_server(says(answer(bomb, "Content-Encoding: gzip"))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                await get(http, server.url(), 2 * MEGABYTE)
            assert tracemalloc.get_traced_memory()[1] < 10 * MEGABYTE
        finally:
            tracemalloc.stop()


async def test_download_is_hashed_and_sized(http: GuardedHttp, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    async with raw_server(says(answer(content, "Content-Type: Image/PNG; charset=x"))) as server:
        done = await http.download(server.url("/a.png"), tmp_path / "a", timeout=10, max_bytes=len(content))
    assert (tmp_path / "a").read_bytes() == content
    assert (done.size, done.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert done.media_type == "image/png"


async def test_undeclared_media_type_stays_empty(http: GuardedHttp, tmp_path: Path) -> None:
    async with raw_server(says(answer(b"x"))) as server:
        done = await http.download(server.url(), tmp_path / "a", timeout=5, max_bytes=10)
    assert done.media_type == ""


async def test_download_uses_bounded_memory(http: GuardedHttp, tmp_path: Path) -> None:
    async def pour(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(f"HTTP/1.1 200 OK\r\nContent-Length: {64 * MEGABYTE}\r\n\r\n".encode())
        for _ in range(64):
            await exchange.say(b"\0" * MEGABYTE)

    async with raw_server(pour) as server:
        tracemalloc.start()
        try:
            await http.download(server.url(), tmp_path / "a", timeout=60, max_bytes=64 * MEGABYTE)
            assert tracemalloc.get_traced_memory()[1] < 12 * MEGABYTE
        finally:
            tracemalloc.stop()
    assert (tmp_path / "a").stat().st_size == 64 * MEGABYTE


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (answer(b"x" * 10, length=20), MaybeSent),
        (answer(b"x" * 11), TooLarge),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 11, TooLarge),
        (answer(b"gone", status="404 Not Found"), BadStatus),
        (answer(b"", status="304 Not Modified"), BadStatus),
    ],
)
async def test_failed_download_leaves_no_file(
    http: GuardedHttp, tmp_path: Path, data: bytes, error: type[Exception]
) -> None:
    async with raw_server(says(data)) as server:
        with pytest.raises(error):
            await http.download(server.url(), tmp_path / "a", timeout=5, max_bytes=10)
    assert files_in(tmp_path) == []


async def test_download_that_stalls_ends_and_leaves_no_file(http: GuardedHttp, tmp_path: Path) -> None:
    async def stall(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(answer(b"x", length=10))
        await exchange.reader.read()

    async with raw_server(stall) as server:
        with pytest.raises(MaybeSent, match="within"):
            await http.download(server.url(), tmp_path / "a", timeout=0.3, max_bytes=10)
    assert files_in(tmp_path) == []


async def test_head_of_a_large_file_is_not_too_large(http: GuardedHttp) -> None:
    async with raw_server(says(answer(b"", length=10 * MEGABYTE))) as server:
        response = await http.request("HEAD", server.url(), timeout=5, max_bytes=100)
    assert response.headers["content-length"] == str(10 * MEGABYTE)
