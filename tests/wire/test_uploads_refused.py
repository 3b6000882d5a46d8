"""What is no upload: each is refused in the upload API's own envelope, and nothing of it stays on the disk."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from souk.store.database import sqlite_url
from tests.unit import media_files as media
from tests.upstreams.raw import Exchange, raw_server
from tests.wire.media import MediaServer, media_server
from tests.wire.serving import Client, Reply, Souk, open_souk
from tests.wire.uploading import BASE64, STREAM, URL, Part, send_form, send_text, stored_files

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 50_000
PICTURE = media.picture("PNG")
PNG_TEXT = base64.b64encode(PICTURE).decode()
HTML = b"<!doctype html><html><body>No such file</body></html>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def souk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Souk]:
    """One that keeps its files on the disk, where these tests look for what must not be there."""
    folder = tmp_path_factory.mktemp("souk")
    database_url = sqlite_url(folder / "souk.db")
    async with open_souk(folder, max_upload_bytes=LIMIT, database_url=database_url) as opened:
        yield opened


@pytest.fixture
async def nothing_is_written(souk: Souk) -> AsyncIterator[None]:
    before = stored_files(souk)
    yield
    assert stored_files(souk) == before


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the disk offers no event
            await asyncio.sleep(0.01)


async def refused(souk: Souk, reply: Reply, field: str | None, text: str) -> None:
    """A clear refusal."""
    assert list(reply.body) == ["success", "code", "msg", "data", "error"]
    assert (reply.status, reply.code, reply.body["success"], reply.body["data"]) == (400, 400, False, None)
    assert reply.error["field"] == field
    assert text in reply.body["msg"]


BAD_PLACES = [
    ("uploadPath", "../outside", ".."),
    ("uploadPath", "a/../../etc", ".."),
    ("uploadPath", "a/./b", ".."),
    ("uploadPath", "%2e%2e/b", ".."),
    ("uploadPath", "..%2fb", ".."),
    ("uploadPath", "a\\..\\b", "backslash"),
    ("uploadPath", "/etc/cron.d", "slash"),
    ("uploadPath", "/", "slash"),
    ("uploadPath", "a//b", "empty part"),
    ("uploadPath", "a/ /b", "blank"),
    ("uploadPath", "a\nb", "control"),
    ("uploadPath", "a\x7fb", "control"),
    ("uploadPath", "a/" * 300 + "b", "at most"),
    ("uploadPath", "x" * 201, "at most"),
    ("uploadPath", "", "Missing required parameter: uploadPath"),
    ("uploadPath", None, "Missing required parameter: uploadPath"),
    ("fileName", "../x.png", "slash"),
    ("fileName", "..", ".."),
    ("fileName", "a/b.png", "slash"),
    ("fileName", "/etc/passwd", "slash"),
    ("fileName", "a\\b.png", "backslash"),
    ("fileName", "a\tb.png", "control"),
    ("fileName", "gnp.\u202etxt", "control"),
    ("fileName", "x" * 201, "at most"),
    ("fileName", "   ", "blank"),
]


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize(("field", "value", "text"), BAD_PLACES)
async def test_a_place_that_is_none_is_refused(souk: Souk, field: str, value: str | None, text: str) -> None:
    await refused(souk, await send_text(souk, PICTURE, **{field: value}), field, text)
    if value is not None and not {"\n", "\t"} & set(value):
        reply = await send_form(souk, Part(PICTURE), **{field: value})
        if value:
            await refused(souk, reply, field, text)


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not base64 at all!", "Base64 decoding failed: Invalid Base64 format"),
        (PNG_TEXT.rstrip("=")[:-1] + "é", "Base64 decoding failed: Invalid Base64 format"),
        ("iVBORw0KGgo", "Base64 decoding failed: Invalid Base64 format"),
        ("data:image/png;base64,iVBORw0KGg", "Base64 decoding failed: Invalid Base64 format"),
        ("data:image/png,plain", "Base64 decoding failed: Invalid Base64 format"),
        ("https://example.org/cat.png", "Base64 decoding failed: Invalid Base64 format"),
        ("data:image/png;base64,", "empty"),
        ("", "Missing required parameter: base64Data"),
        (None, "Missing required parameter: base64Data"),
        (17, "must be a text"),
        (base64.b64encode(bytes(LIMIT + 1)).decode(), f"larger than {LIMIT} bytes"),
        (
            f"data:image/png;base64,{base64.b64encode(HTML).decode()}",
            "said to be image/png, but it is text/html",
        ),
        (f"data:video/mp4;base64,{PNG_TEXT}", "said to be video/mp4, but it is image/png"),
    ],
    ids=range(13),
)
async def test_base64_that_is_no_file_is_refused(souk: Souk, text: Any, says: str) -> None:
    reply = await souk.client.post(BASE64, {"base64Data": text, "uploadPath": "a"})
    await refused(souk, reply, "base64Data", says)


@pytest.mark.usefixtures("nothing_is_written")
async def test_a_base64_body_past_all_bounds_is_refused_unread(souk: Souk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"base64Data":"'
        for _ in range(300):
            yield b"A" * 65_536

    reply = await souk.client.call("POST", BASE64, data=endless())
    await refused(souk, reply, "base64Data", "use /api/file-stream-upload")


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize(
    ("parts", "field", "says"),
    [
        ([], "file", "Missing required parameter: file"),
        ([Part(PICTURE, name="picture")], "file", "Missing required parameter: file"),
        ([Part(b"/home/me/cat.png", filename=None)], "file", "Missing required parameter: file"),
        ([Part(b"")], "file", "empty"),
        ([Part(PICTURE), Part(PICTURE)], "file", "more than one file"),
        ([Part(bytes(LIMIT + 1), "x.bin")], "file", f"larger than {LIMIT} bytes"),
        ([Part(bytes(LIMIT + 3_000_000), "x.bin")], "file", f"larger than {LIMIT} bytes"),
        ([Part(HTML, "cat.png", "image/png")], "file", "said to be image/png, but it is text/html"),
        ([Part(media.sound("mp3", "libmp3lame"), "a", "image/png")], "file", "said to be image/png"),
        ([Part(b"x" * 5000, filename=None, name="uploadPath")], None, "more than 4096 bytes"),
        ([Part(b"x", filename=None, name=str(number)) for number in range(30)], None, "more than 20 parts"),
    ],
    ids=range(11),
)
async def test_a_form_that_is_no_upload_is_refused(
    souk: Souk, parts: list[Part], field: str | None, says: str
) -> None:
    await refused(souk, await send_form(souk, *parts), field, says)


FORM = "multipart/form-data; boundary=b"
BROKEN = [
    ("application/json", b"{}", "multipart/form-data"),
    ("multipart/form-data", b"--b--\r\n", "boundary"),
    ("multipart/form-data; boundary=" + "b" * 300, b"--b--\r\n", "cannot be read"),
    (FORM, b'{"uploadPath": "a"}', "cannot be read"),
    (FORM, b"", "breaks off"),
    (FORM, b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf', "breaks off"),
    (FORM, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "Content-Disposition"),
    (FORM, b"--b\r\n" + b"X-Long: " + b"x" * 100_000, "cannot be read"),
    (FORM, b"--b\r\nbad header\r\n\r\nx\r\n--b--\r\n", "cannot be read"),
]


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize(("media_type", "body", "says"), BROKEN, ids=range(len(BROKEN)))
async def test_a_body_that_is_no_form_is_refused(souk: Souk, media_type: str, body: bytes, says: str) -> None:
    reply = await souk.client.call("POST", STREAM, data=body, headers={"Content-Type": media_type})
    await refused(souk, reply, None, says)


@pytest.mark.usefixtures("nothing_is_written")
async def test_a_form_of_unknown_length_is_cut_off_at_the_limit(souk: Souk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(65_536)

    reply = await souk.client.call("POST", STREAM, data=endless(), headers={"Content-Type": FORM})
    await refused(souk, reply, "file", f"larger than {LIMIT} bytes")


@pytest.mark.usefixtures("nothing_is_written")
async def test_a_client_that_goes_away_leaves_nothing(souk: Souk) -> None:
    before = stored_files(souk)
    port = int(souk.client.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {souk.client.key}\r\n"
    head += f"Content-Type: {FORM}\r\nContent-Length: 40000\r\n\r\n"
    writer.write(head.encode() + BROKEN[5][1])
    await until(lambda: stored_files(souk) != before)
    writer.transport.abort()
    await until(lambda: stored_files(souk) == before)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaServer]:
    folder = tmp_path_factory.mktemp("media")
    with media_server(folder) as server:
        (folder / "error.png").write_bytes(HTML)
        (folder / "page").write_bytes(HTML)
        (folder / "large.bin").write_bytes(bytes(LIMIT + 1))
        (folder / "empty.bin").touch()
        yield server


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "Missing required parameter: fileUrl"),
        (None, "Missing required parameter: fileUrl"),
        (["x"], "must be a text"),
        ("ftp://example.org/a.png", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("data:image/png;base64,AAAA", "http:// or https://"),
        ("http://[::1/a.png", "fileUrl"),
        ("http://169.254.169.254/latest/meta-data", "fileUrl"),
        ("http://127.0.0.1:9/a.png", "could not fetch it"),
        ("{files}/none.png", "HTTP 404"),
        ("{files}/error.png", "web page"),
        ("{files}/page", "web page"),
        ("{files}/large.bin", f"larger than {LIMIT} bytes"),
        ("{files}/empty.bin", "empty"),
        ("{souk}/kieai/0123/none.png", "no such file here"),
        ("{souk}/f/0123/none.png", "no such file here"),
    ],
)
async def test_an_address_that_gives_no_file_is_refused(
    souk: Souk, files: MediaServer, url: Any, says: str
) -> None:
    if isinstance(url, str):
        url = url.replace("{files}", files.url).replace("{souk}", souk.client.url)
    reply = await souk.client.post(URL, {"fileUrl": url, "uploadPath": "a"})
    await refused(souk, reply, "fileUrl", says)


@pytest.mark.usefixtures("nothing_is_written")
async def test_a_server_that_stalls_is_given_up(souk: Souk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stall(exchange: Exchange) -> None:
        await exchange.asked()
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await asyncio.sleep(30)

    monkeypatch.setattr("souk.operations.uploads.FETCH_SECONDS", 0.3)
    async with raw_server(stall) as server:
        reply = await souk.client.post(URL, {"fileUrl": server.url("/a.png"), "uploadPath": "a"})
    await refused(souk, reply, "fileUrl", "no whole answer within 0.3 s")


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("path", [BASE64, URL, STREAM])
async def test_a_wrong_key_is_told_in_the_words_of_the_upload_api(souk: Souk, path: str) -> None:
    for key in ("", "wrong"):
        reply = await Client(souk.client.session, souk.client.url, key).post(path, {"uploadPath": "a"})
        assert (reply.status, reply.code, reply.body["success"]) == (401, 401, False)
        assert reply.body["msg"] == "Authentication failed: Invalid API Key"
        assert reply.error["message"]


@pytest.mark.parametrize("path", [BASE64, URL, STREAM])
async def test_another_method_is_not_allowed(souk: Souk, path: str) -> None:
    reply = await souk.client.get(path)
    assert (reply.status, reply.code, reply.body["msg"]) == (405, 405, "method not allowed")
    assert reply.body["success"] is False
    assert reply.headers["allow"] == "OPTIONS, POST"


async def test_a_body_that_is_no_json_is_refused(souk: Souk) -> None:
    for path in (BASE64, URL):
        reply = await souk.client.post(path, b'--b\r\nContent-Disposition: form-data; name="file"')
        await refused(souk, reply, None, "not valid JSON")
