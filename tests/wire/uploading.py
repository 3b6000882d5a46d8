"""Uploading as a client does, for tests of uploads and of what is done with them."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.wire.serving import Reply, Souk

BASE64, URL, STREAM = "/api/file-base64-upload", "/api/file-url-upload", "/api/file-stream-upload"
PUBLIC = "http://souk.example"
"""Nothing answers there: what is found under such a link was not fetched."""
EDIT: dict[str, Any] = {"model": "qwen/image-to-image", "input": {"prompt": "a dog"}}


@dataclass(frozen=True)
class Part:
    """The file of a form."""

    data: bytes
    filename: str | None = "cat.png"
    media_type: str | None = None
    name: str = "file"


async def send_text(souk: Souk, data: bytes, **fields: Any) -> Reply:
    return await souk.client.post(
        BASE64, {"base64Data": base64.b64encode(data).decode(), "uploadPath": "images", **fields}
    )


async def send_form(souk: Souk, *parts: Part, **fields: str) -> Reply:
    form = aiohttp.FormData(default_to_multipart=True)
    for part in parts:
        # A text makes a field, whatever else is said, and a stream makes a file.
        data = part.data.decode() if part.filename is None else io.BytesIO(part.data)
        form.add_field(part.name, data, filename=part.filename, content_type=part.media_type)
    for name, value in ({"uploadPath": "images"} | fields).items():
        form.add_field(name, value)
    return await souk.client.call("POST", STREAM, data=form)


async def served(souk: Souk, url: str) -> tuple[bytes, dict[str, str]]:
    """What is behind one of our links."""
    async with souk.client.session.get(url.replace(PUBLIC, souk.client.url)) as answer:
        assert answer.status == 200, url
        return await answer.read(), {name.lower(): value for name, value in answer.headers.items()}


async def edited(souk: Souk, url: str) -> dict[str, Any]:
    """The record of a task whose input is the picture at an address, once it has ended."""
    body = {**EDIT, "input": {**EDIT["input"], "image_url": url}}
    return await souk.client.record(await souk.client.create(body), wait=60)


def stored_files(souk: Souk) -> set[Path]:
    """Every file there is in the storage, finished or on its way in."""
    return {path for path in (souk.house.settings.data_dir / "files").rglob("*") if path.is_file()}
