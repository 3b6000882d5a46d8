"""The part of a check-up that looks at where files live: a folder, or a bucket that is written to, read and cleaned."""

import asyncio
import errno
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from souk.assets.disk import owner_of
from souk.assets.inputs import is_public
from souk.assets.storage import StorageError
from souk.operations.finding import Finding, bad, good, warning
from souk.settings import LinkService, Settings
from souk.words import Millis

if TYPE_CHECKING:
    from souk.assets.bucket.storage import BucketStorage

LEAST_FREE_BYTES = 1 << 30
MOST_SKEW_SECONDS = 60.0
"""The sweep judges by the service's time how old a file is, and leaves an hour; signatures bear 15 minutes."""
_MAKE_ROOM = "make room: results cannot be stored on a full disk"
_EVER = Millis(1 << 52)
_PROBE = b"souk doctor was here\n"


@dataclass(frozen=True, slots=True)
class Look:
    """What was found where files live."""

    findings: list[Finding]
    place: str = ""
    owner: str | None = None
    """The installation the files are marked as belonging to."""
    empty: bool = True
    unseen: bool = False
    """The rest is not known, because the storage could not be read."""
    folder: Path | None = None
    """Where it is a folder of this machine."""


def look_at_folder(files: Path) -> Look:
    """Whether files can be written, where they will be or would be made."""
    empty = not (files.exists() and any(not path.name.startswith(".") for path in files.iterdir()))
    return Look([_room(files)], str(files), owner_of(files), empty, folder=files)


async def look_at_bucket(storage: "BucketStorage", settings: Settings) -> Look:
    """Whether the bucket does all that Souk asks of one; nothing of the try is left there."""
    place = storage.bucket.url
    try:
        found = [await _tried(storage), *_clients(storage, settings)]
        owner = await storage.owner()
        async with aclosing(storage.list_older_than(_EVER)) as pages:
            empty = await anext(pages, None) is None
    except StorageError as error:
        return unusable(place, str(error))
    return Look(found, place, owner, empty)


def unusable(place: str, told: str) -> Look:
    """What is said of a storage that cannot be opened or used."""
    remedy = "`souk doctor` again after that; docs/how-to/object-storage.md has examples"
    return Look([bad("storage", told, remedy)], place, unseen=True)


async def _tried(storage: "BucketStorage") -> Finding:
    """Write, read and delete a file there."""
    key, started = f"doctor/{secrets.token_hex(16)}", time.time()
    draft = await storage.scratch()
    await asyncio.to_thread(draft.write_bytes, _PROBE)
    try:
        await storage.put_file(draft, key)
        skew = (await storage.put_at(key)) / 1000 - started
        same = b"".join([piece async for piece in storage.open_range(key)]) == _PROBE
    finally:
        await asyncio.to_thread(draft.unlink, missing_ok=True)
    await storage.delete([key])
    place = f"{storage.bucket.url} at {storage.bucket.service}"
    took = time.time() - started
    if not same:
        return bad("storage", f"{place} gives back other bytes than were put", "use another service")
    if abs(skew) > MOST_SKEW_SECONDS + took:
        told = f"{place} and this machine differ by {abs(skew):.0f} s"
        return warning("storage", told, "set both clocks by NTP: the service may refuse signatures")
    return good("storage", f"{place}: written, read and deleted in {took * 1000:.0f} ms")


def _clients(storage: "BucketStorage", settings: Settings) -> Iterator[Finding]:
    """Whether clients can follow links that lead to the bucket."""
    if settings.links is not LinkService.DIRECT:
        return
    service = storage.bucket.public_service
    if settings.public_url and not is_public(service):
        told = f"direct links send clients to {service}, which the internet cannot reach"
        yield warning("links", told, "set SOUK_S3_PUBLIC_ENDPOINT, or SOUK_LINKS=served")
    else:
        yield good("links", f"direct: clients fetch files from {service}")


def _room(files: Path) -> Finding:
    place = next(folder for folder in (files, *files.absolute().parents) if folder.exists())
    try:
        with TemporaryFile(dir=place) as file:
            file.write(b"souk")
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = _MAKE_ROOM if full else "correct SOUK_STORAGE_URL or its permissions"
        return bad("storage", f"cannot write to {files}: {error.strerror}", remedy)
    free = shutil.disk_usage(place).free
    told = f"{files}, {free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return bad("storage", told, _MAKE_ROOM)
    return good("storage", told)
