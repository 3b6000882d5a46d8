"""How both APIs are spoken to: where they are, whose key opens them, and how fields and files become a form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from souk.net.http import FilePart
from souk.providers.base import Job
from souk.providers.chat.speech import bearer, versioned
from souk.words import JsonObject

EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def address(job: Job, path: str) -> str:
    """Where a path of the API is at the job's connection."""
    return f"{versioned(job.connection.base_url)}{path}"


def key(job: Job) -> dict[str, str]:
    """The headers that open the API; servers of one's own may want none."""
    return bearer(job.connection)


async def given(job: Job) -> JsonObject:
    """The input without its files, for models whose input is in the API's own words."""
    files = {file.field.partition("[")[0] for file in await job.media.all()}
    return {name: value for name, value in job.input.items() if name not in files}


def form_fields(body: JsonObject) -> Mapping[str, str]:
    """A body's fields as the texts of a form."""
    return {name: _text(value) for name, value in body.items()}


def picture_part(name: str, path: Path, media_type: str, stem: str) -> FilePart:
    """A picture of a form. The API goes by the file's name and type."""
    return FilePart(name, path, f"{stem}.{EXTENSIONS.get(media_type, 'png')}", media_type)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
