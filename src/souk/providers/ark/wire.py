"""How Ark is spoken to: where it is, whose key opens it, and what models are called there.

Sources: the types of the maker's official SDK (``volcengine-python-sdk[ark]`` 5), and what the service answers.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from souk.providers.base import Connection, Job
from souk.providers.takes import MB, Takes
from souk.words import JsonObject

BASE_URL: Final = "https://ark.ap-southeast.bytepluses.com/api/v3"
CHINESE_DOMAIN: Final = ".volces.com"
"""Ends the hosts of the Chinese platform, which puts ``doubao-`` before what the international one calls otherwise."""
INLINE_BYTES: Final = 45 * 1024 * 1024
"""The most that is written into one request: the service takes 64 MB, and base64 makes a third more of it."""

_PICTURES: Final = frozenset(
    {"image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "image/gif"}
)
OF_PICTURES: Final = {"image": Takes(_PICTURES, max_bytes=10 * MB, max_pixels=36_000_000)}
OF_CLIPS: Final = {
    "image": Takes(_PICTURES, max_bytes=30 * MB, max_edge=6000, min_edge=300),
    "audio": Takes(frozenset({"audio/mpeg", "audio/wav"}), max_bytes=15 * MB),
    "video": Takes(frozenset({"video/mp4", "video/quicktime"})),
}
"""The files that Seedream and Seedance take, by kind, as the service's reference says."""

HINTS: Final = frozenset({"nsfw_checker", "enable_safety_checker"})
"""Inputs the service has nothing for: its own content rules always hold."""

_FAMILY: Final = re.compile(r"^(?:dola-|dreamina-)?(?=seed)")


def address(job: Job, path: str) -> str:
    """Where a path of the API is at the job's connection."""
    return f"{_base(job.connection)}{path}"


def key(job: Job) -> dict[str, str]:
    """The header that opens the API."""
    return {"Authorization": f"Bearer {job.connection.api_key}"}


def model_id(upstream_model: str, connection: Connection) -> str:
    """What a model is called on the connection's platform; routes have the international ids."""
    host = urlsplit(_base(connection)).hostname or ""
    return _FAMILY.sub("doubao-", upstream_model) if host.endswith(CHINESE_DOMAIN) else upstream_model


def renamed(input: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """The fields of an input that the service has, under its names."""
    return {names[name]: value for name, value in input.items() if name in names and value is not None}


def _base(connection: Connection) -> str:
    return (connection.base_url or BASE_URL).rstrip("/")
