"""What every call to the Gemini API has in common: addresses, the key, and reading JSON that may be anything."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

from souk.net.http import Http, Response
from souk.providers.base import Connection, Job
from souk.providers.takes import MB, Takes
from souk.words import JsonObject

BASE_URL: Final = "https://generativelanguage.googleapis.com"
VERSION: Final = "v1beta"
_VERSIONS: Final = ("/v1beta", "/v1")
PICTURES: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/heic"})
INLINE_BYTES: Final = 70 * MB
"""Of files in one request: the service takes 100 MB, and base64 makes a third more of them."""


def taken(job: Job, fields: Iterable[str]) -> Mapping[str, Takes]:
    """The pictures that fit into one request together: of each an equal share of what there is room for."""
    given = [job.input.get(field) for field in fields]
    count = sum(len(cast(list[Any], value)) if isinstance(value, list) else 1 for value in given if value)
    return {"image": Takes(PICTURES, max_bytes=INLINE_BYTES // max(1, count))}


def address(connection: Connection, path: str) -> str:
    """The address of a path below the version, whether or not the configured base names a version."""
    base = connection.base_url or BASE_URL
    for version in _VERSIONS:
        base = base.removesuffix(version)
    return f"{base}/{VERSION}/{path}"


def key(connection: Connection) -> dict[str, str]:
    """The header that carries the key."""
    return {"x-goog-api-key": connection.api_key}


async def call_model(
    job: Job,
    http: Http,
    method: str,
    body: JsonObject,
    *,
    seconds: float,
    max_bytes: int,
) -> Response:
    """Ask the route's model to do something, at most once.

    Raises :class:`souk.net.http.NeverSent` or :class:`souk.net.http.MaybeSent`.
    """
    return await http.submit(
        "POST",
        address(job.connection, f"models/{quote(job.upstream_model, safe='-._')}:{method}"),
        headers=key(job.connection),
        json=body,
        timeout=seconds,
        max_bytes=max_bytes,
        trusted=True,
    )


def an_object(value: Any) -> JsonObject:
    """The value if it is a JSON object, else an empty one."""
    return cast(JsonObject, value) if isinstance(value, dict) else {}
