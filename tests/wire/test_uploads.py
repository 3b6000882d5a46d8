"""The File Upload API: each documented request, its reply, the file behind the link, and a task that uses it."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from souk.settings import NetworkPolicy
from tests.unit import media_files as media
from tests.wire.media import MediaServer, media_server
from tests.wire.serving import Souk, open_souk
from tests.wire.uploading import BASE64, PUBLIC, URL, Part, edited, send_form, send_text, served, stored_files

pytestmark = pytest.mark.asyncio(loop_scope="module")

RANDOM_NAME = re.compile(r"\d{13}-[0-9a-z]{11}\.(\w+)")
DATA_KEYS = ["success", "fileName", "filePath", "downloadUrl", "fileSize", "mimeType", "uploadedAt"]
PICTURE = media.picture("PNG", 256, 256)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaServer]:
    with media_server(tmp_path_factory.mktemp("media")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def souk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Souk]:
    folder = tmp_path_factory.mktemp("souk")
    options: dict[str, Any] = {"public_url": PUBLIC, "network_policy": NetworkPolicy.OPEN}
    async with open_souk(folder, engine=True, **options) as opened:
        yield opened


async def test_the_documented_base64_upload_is_answered_in_the_documented_form(souk: Souk) -> None:
    body = {
        "base64Data": "data:image/png;base64,iVBORw0KGgo=",
        "uploadPath": "images/inputs",
        "fileName": "cat.png",
    }
    reply = await souk.client.post(BASE64, body)
    assert reply.status == 200
    assert list(reply.body) == ["success", "code", "msg", "data"]
    assert (reply.body["success"], reply.body["msg"]) == (True, "File uploaded successfully")
    data = reply.data
    assert list(data) == DATA_KEYS
    assert (data["success"], data["fileName"], data["fileSize"]) == (True, "cat.png", 8)
    assert data["mimeType"] == "image/png"
    assert re.fullmatch(r"kieai/[0-9a-f]{24}/images/inputs/cat\.png", data["filePath"])
    assert data["downloadUrl"] == f"{PUBLIC}/{data['filePath']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["uploadedAt"])
    assert (
        abs(datetime.fromisoformat(data["uploadedAt"]).timestamp() * 1000 - souk.house.clock.now()) < 60_000
    )
    assert (await served(souk, data["downloadUrl"]))[0] == b"\x89PNG\r\n\x1a\n"


async def test_a_base64_upload_is_served_and_used_by_a_task(souk: Souk) -> None:
    data = (await send_text(souk, PICTURE, fileName="edit.png", mimeType="passed/over")).data
    got, headers = await served(souk, data["downloadUrl"])
    assert (got, headers["content-type"], data["fileSize"]) == (PICTURE, "image/png", len(PICTURE))
    assert (await edited(souk, data["downloadUrl"]))["state"] == "success"


async def test_a_stream_upload_is_served_and_used_by_a_task(souk: Souk) -> None:
    data = (await send_form(souk, Part(PICTURE, "my own name.PNG"))).data
    name = RANDOM_NAME.fullmatch(data["fileName"])
    assert name, "the part's own name is not kept, but for its extension"
    assert name[1] == "png"
    assert (await served(souk, data["downloadUrl"]))[0] == PICTURE
    assert (await edited(souk, data["downloadUrl"]))["state"] == "success"


async def test_a_url_upload_is_served_and_used_by_a_task(souk: Souk, files: MediaServer) -> None:
    body = {"fileUrl": f"{files.url}/picture.jpg", "uploadPath": "images/inputs", "fileName": "a.jpg"}
    data = (await souk.client.post(URL, body)).data
    assert (data["fileName"], data["mimeType"]) == ("a.jpg", "image/jpeg")
    assert len((await served(souk, data["downloadUrl"]))[0]) == data["fileSize"]
    assert (await edited(souk, data["downloadUrl"]))["state"] == "success"


async def test_a_url_upload_without_a_name_takes_the_one_in_the_url(souk: Souk, files: MediaServer) -> None:
    data = (await souk.client.post(URL, {"fileUrl": f"{files.url}/picture.png?v=2", "uploadPath": "u"})).data
    assert data["fileName"] == "picture.png"


async def test_a_url_upload_of_our_own_link_is_read_from_storage(souk: Souk) -> None:
    first = (await send_text(souk, PICTURE, fileName="first.png")).data
    body = {"fileUrl": first["downloadUrl"], "uploadPath": "copies", "fileName": "second.png"}
    data = (await souk.client.post(URL, body)).data
    assert (await served(souk, data["downloadUrl"]))[0] == PICTURE


async def test_a_base64_upload_without_a_name_gets_a_random_one_by_its_bytes(souk: Souk) -> None:
    data = (await send_text(souk, media.picture("JPEG"))).data
    name = RANDOM_NAME.fullmatch(data["fileName"])
    assert name
    assert name[1] == "jpg"


async def test_the_fields_of_a_form_may_come_in_any_order(souk: Souk) -> None:
    boundary = "x" * 60
    part = '--{}\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    body = b"".join(
        [
            part.format(boundary, "uploadPath", "").encode() + b"late/or/early\r\n",
            part.format(boundary, "other", '; filename="x"').encode() + b"passed over\r\n",
            part.format(boundary, "file", '; filename="notes.txt"').encode() + b"--\r\n--x\r\n\r\n",
            part.format(boundary, "fileName", "").encode() + b"notes.txt\r\n",
            f"--{boundary}--\r\n".encode(),
        ]
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    for _ in range(2):
        data = (await souk.client.call("POST", "/api/file-stream-upload", data=body, headers=headers)).data
        assert data["filePath"].endswith("/late/or/early/notes.txt")
        assert (await served(souk, data["downloadUrl"]))[0] == b"--\r\n--x\r\n"


async def test_a_path_with_dots_is_a_folder(souk: Souk) -> None:
    data = (await send_text(souk, PICTURE, uploadPath="uploads/x.jpg", fileName="y.png")).data
    assert data["filePath"].endswith("/uploads/x.jpg/y.png")


async def test_names_may_be_in_any_script(souk: Souk) -> None:
    name = "猫 #1? 50%.png"
    data = (await send_text(souk, PICTURE, uploadPath="фото/ảnh", fileName=name)).data
    assert data["fileName"] == name
    assert data["filePath"].endswith(f"/фото/ảnh/{name}")
    assert data["downloadUrl"] == f"{PUBLIC}/{quote(data['filePath'])}"
    got, headers = await served(souk, data["downloadUrl"])
    assert got == PICTURE
    assert quote("猫") in headers["content-disposition"]
    assert (await edited(souk, data["downloadUrl"]))["state"] == "success"


async def test_a_name_without_anything_to_hide_is_not_the_key_in_storage(souk: Souk) -> None:
    await send_text(souk, PICTURE, fileName="secret-name.png")
    assert not [path for path in stored_files(souk) if "secret-name" in str(path)]


async def test_upload_links_do_not_follow_from_result_links(souk: Souk) -> None:
    upload = (await send_text(souk, PICTURE, fileName="cat.png")).data["downloadUrl"]
    record = await edited(souk, upload)
    shown = re.findall(r"/f/([0-9a-f]+)/", record["resultJson"])
    assert shown
    assert shown[0] not in upload


async def test_accounts_do_not_share_a_folder(souk: Souk) -> None:
    mine = (await send_text(souk, PICTURE, fileName="same.png")).data
    other = Souk(souk.house, await souk.another_account("folders"))
    theirs = (await send_text(other, media.picture("PNG"), fileName="same.png")).data
    assert theirs["downloadUrl"] != mine["downloadUrl"]
    assert (await served(souk, mine["downloadUrl"]))[0] == PICTURE


async def test_files_of_every_kind_are_known_by_their_bytes(souk: Souk) -> None:
    kinds = {
        "audio/mpeg": media.sound("mp3", "libmp3lame"),
        "audio/mp4": media.sound("mp4", "aac"),
        "video/mp4": media.film(),
        "text/plain": b"some words",
        "application/octet-stream": bytes(range(256)),
    }
    for media_type, data in kinds.items():
        assert (await send_text(souk, data)).data["mimeType"] == media_type


async def test_a_picture_called_by_another_pictures_type_is_stored_as_what_it_is(souk: Souk) -> None:
    data = (await send_form(souk, Part(PICTURE, "a.jpg", "image/jpeg"))).data
    assert data["mimeType"] == "image/png"


async def test_browsers_may_upload_from_any_page(souk: Souk) -> None:
    preflight = await souk.client.call("OPTIONS", BASE64, headers={"Origin": "https://app.example"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert (await send_text(souk, PICTURE)).headers["access-control-allow-origin"] == "*"
