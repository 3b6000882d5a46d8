"""Uploads: a file an account brings in, to be named in the input of its tasks. Kept for days, then let go."""

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from souk.assets.measure import Measured, measure
from souk.assets.sniff import HEAD_BYTES, extension_of, sniff
from souk.assets.storage import Storage
from souk.clock import Clock
from souk.ids import RandomBits, random_hex
from souk.operations.types import Reason, Refusal
from souk.store import assets
from souk.store.assets import AssetRow
from souk.store.database import Connection
from souk.store.lane import Kind, Lane
from souk.words import AccountId, AssetId, Millis

UNKNOWN_TYPE = "application/octet-stream"
LONGEST_NAME = 200
"""Characters kept of a file's own name."""


@dataclass(frozen=True, slots=True)
class _Facts:
    size: int
    sha256: str
    media_type: str
    measured: Measured


def _store(connection: Connection, rows: Sequence[AssetRow]) -> list[None]:
    assets.insert(connection, rows)
    return [None] * len(rows)


UPLOAD: Kind[AssetRow, None] = Kind("upload", 60, _store)


class Uploads:
    """Brings files into the storage. ``keep_ms`` is how long they are kept."""

    def __init__(
        self, storage: Storage, lane: Lane, clock: Clock, random: RandomBits, *, keep_ms: int
    ) -> None:
        self._storage = storage
        self._lane = lane
        self._clock = clock
        self._random = random
        self._keep_ms = keep_ms

    async def put(self, account_id: AccountId, segment: str, source: Path) -> AssetRow:
        """Copy a local file in and record it for the account with these file links.

        Raises Refusal for an empty file, OSError for one that cannot be read, StorageError.
        """
        scratch = await self._storage.scratch()
        try:
            await asyncio.to_thread(shutil.copyfile, source, scratch)
            facts = await asyncio.to_thread(_examine, scratch)
            if not facts.size:
                raise Refusal(Reason.INVALID_INPUT, f"{source.name} is empty", field="file")
            asset_id = AssetId(random_hex(self._random))
            path = f"{segment}/{asset_id}.{_extension(facts.media_type, source)}"
            await self._storage.put_file(scratch, path)
        finally:
            await asyncio.to_thread(scratch.unlink, missing_ok=True)
        row = self._row(account_id, asset_id, path, source.name, facts)
        await self._lane.write(UPLOAD, row)
        return row

    def _row(self, account_id: AccountId, asset_id: AssetId, path: str, name: str, facts: _Facts) -> AssetRow:
        now = self._clock.now()
        seconds = facts.measured.seconds
        return AssetRow(
            id=asset_id,
            account_id=account_id,
            task_id=None,
            kind="upload",
            number=0,
            path=path,
            name=name[:LONGEST_NAME],
            media_type=facts.media_type,
            size=facts.size,
            sha256=facts.sha256,
            width=facts.measured.width,
            height=facts.measured.height,
            seconds_ms=None if seconds is None else round(seconds * 1000),
            created_at=now,
            expires_at=Millis(now + self._keep_ms),
        )


def _examine(path: Path) -> _Facts:
    """Read a file once for its hash and its facts; blocks."""
    with path.open("rb") as file:
        media_type = sniff(file.read(HEAD_BYTES)) or UNKNOWN_TYPE
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    return _Facts(size, digest.hexdigest(), media_type, measure(path, media_type))


def _extension(media_type: str, source: PurePath) -> str:
    """The ending of the stored name: what the bytes are; what the file says of itself if they do not tell."""
    own = source.suffix[1:].lower()
    if media_type == UNKNOWN_TYPE and own.isascii() and own.isalnum() and len(own) <= 8:
        return own
    return extension_of(media_type)
