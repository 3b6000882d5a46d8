"""How Ark is spoken to: where it is, whose key opens it, what models are called there, and how files travel.

Sources: the types of the maker's official SDK (``volcengine-python-sdk[ark]`` 5), and what the service answers.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

from souk.providers.base import Connection, Job, MediaFile, Refused
from souk.providers.inputs import address_or_data_uri
from souk.words import FailKind, JsonObject

BASE_URL: Final = "https://ark.ap-southeast.bytepluses.com/api/v3"
CHINESE_DOMAIN: Final = ".volces.com"
"""Ends the hosts of the Chinese platform, which puts ``doubao-`` before what the international one calls otherwise."""
INLINE_BYTES: Final = 45 * 1024 * 1024
"""The most that is written into one request: the service takes 64 MB, and base64 makes a third more of it."""

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


def refuse_unless(job: Job, known: frozenset[str]) -> None:
    """Raise Refused if the input asks for something that the service has no field for."""
    for name, value in job.input.items():
        if name not in known and name not in HINTS and value not in (None, "", []):
            raise Refused(FailKind.UNSUPPORTED, f"{name}: the upstream has nothing like it for this model")


async def written(files: Sequence[MediaFile]) -> list[str]:
    """The files as the service takes them: by address where it can reach them, else as ``data:`` addresses.

    Raises Refused when they are more than fits into a request.
    """
    if sum(file.size for file in files if not file.reachable) > INLINE_BYTES:
        most = f"more than the {INLINE_BYTES >> 20} MB that fit into a request"
        raise Refused(
            FailKind.UNSUPPORTED,
            f"{files[0].field}: the upstream cannot fetch the files, and they are {most}",
        )
    return [await address_or_data_uri(file) for file in files]


def as_object(value: Any) -> JsonObject:
    """A JSON object as it is; anything else as an empty one."""
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def renamed(input: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """The fields of an input that the service has, under its names."""
    return {names[name]: value for name, value in input.items() if name in names and value is not None}


def _base(connection: Connection) -> str:
    return (connection.base_url or BASE_URL).rstrip("/")
