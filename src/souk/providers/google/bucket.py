"""Clips that Veo puts into a bucket of the operator's, so that no answer has to carry them.

Sources: Google Cloud's reference of the Veo models (``storageUri``, ``gcsUri``), and of the JSON API of Cloud Storage.
"""

from typing import Final
from urllib.parse import quote, urlsplit

from souk.providers.answers import own_access
from souk.providers.base import Access, Connection, Refused
from souk.words import FailKind, JsonObject

FOLDER: Final = "storage_uri"
"""The connection's option: where clips go, such as ``gs://our-bucket/souk``. Without it they come in the answer."""
STORAGE_URL: Final = "https://storage.googleapis.com"
SCHEME: Final = "gs"


def wish(connection: Connection) -> JsonObject:
    """What asks for the bucket; nothing if there is none. Raises Refused where what is configured names no bucket."""
    folder = connection.options.get(FOLDER, "")
    if folder and not _place(folder):
        raise Refused(FailKind.AUTH, "GOOGLE_CLOUD_STORAGE_URI names no bucket: it is to begin with gs://")
    return {"storageUri": folder} if folder else {}


def address(clip: str, connection: Connection) -> str:
    """Where a clip in a bucket is to be had; empty if this names none."""
    place = _place(clip)
    if not place or not place[1]:
        return ""
    bucket, name = (quote(part, safe="") for part in place)
    return f"{_base(connection)}/storage/v1/b/{bucket}/o/{name}?alt=media"


def access(url: str, connection: Connection, token: str) -> Access:
    """The token, for the storage and nobody else."""
    return own_access(url, _base(connection), {"Authorization": f"Bearer {token}"})


def _place(uri: str) -> tuple[str, str] | None:
    """The bucket and the name in it."""
    try:
        parts = urlsplit(uri, allow_fragments=False)
    except ValueError:  # such as brackets around no IPv6 address
        return None
    named = parts.scheme == SCHEME and parts.netloc and not parts.query
    return (parts.netloc, parts.path.strip("/")) if named else None


def _base(connection: Connection) -> str:
    return connection.options.get("storage_url") or STORAGE_URL
