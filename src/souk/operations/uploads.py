"""Uploads: a file an account brings in, to be named in the input of its tasks. Kept for days, then let go.

There are several doors: a local file, bytes, an address, a stream. All lead through one: scratch, a look at the
bytes, the storage, the row. A stored file is never overwritten; an upload under a name that is taken gets a new
place in the storage, and the name's link leads there from then on.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from souk.assets import names
from souk.assets.claims import FalseClaim, type_of
from souk.assets.facts import Facts, facts_of
from souk.assets.ingest import UNKNOWN_TYPE
from souk.assets.links import own_path
from souk.assets.sniff import extension_of
from souk.assets.storage import Missing, Storage, Unreachable
from souk.clock import Clock
from souk.ids import RandomBits, new_id
from souk.net.http import Blocked, Http, NetError, TooLarge
from souk.operations.types import Caller, Reason, Refusal
from souk.store import assets
from souk.store.assets import AssetRow
from souk.store.database import Connection
from souk.store.lane import Busy, Kind, Lane
from souk.store.reads import Reads
from souk.words import AccountId, AssetId, Millis

FETCH_SECONDS = 30.0
LONGEST_NAME = 200
"""Characters kept of a local file's own name."""
SEGMENT_DIGITS = 24
AWAY_SECONDS = 5.0
_PAGES = ("html", "htm")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client wants its upload."""

    folder: str
    name: str | None
    """None: one that nobody can guess."""

    @classmethod
    def of(cls, folder: str, name: str | None) -> "Place":
        """The place a client named. Raises Refusal."""
        field = "uploadPath"
        try:
            checked = names.folder_of(folder)
            field = "fileName"
            return cls(checked, None if name is None else names.name_of(name))
        except names.BadName as error:
            raise Refusal(Reason.INVALID_INPUT, str(error), field=field) from None


@dataclass(frozen=True, slots=True)
class Claims:
    """What is said of a file that came in."""

    field: str
    """The request's field it came in, for messages."""
    media_type: str = ""
    name: str | None = None
    """What it is called where it comes from; used if the place has no name."""
    extension: str = ""
    """For a name of ours; empty: what the bytes tell."""
    address: bool = False
    """It was fetched, so it may be a page that says why there is no file."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """``max_bytes`` is what one file may have, ``keep_ms`` how long it is kept."""

    max_bytes: int
    keep_ms: int


def _store(connection: Connection, rows: Sequence[AssetRow]) -> list[None]:
    for row in rows:  # one by one: two of them may be after the same link
        if row.link is not None:
            assets.supersede(connection, row.link, Millis(row.created_at))
        assets.insert(connection, [row])
    return [None] * len(rows)


UPLOAD: Kind[AssetRow, None] = Kind("upload", 60, _store)


class Uploads:
    """Brings files into the storage."""

    def __init__(
        self,
        storage: Storage,
        http: Http,
        reads: Reads,
        lane: Lane,
        clock: Clock,
        random: RandomBits,
        sign: Callable[[str], str],
        public_url: str,
        limits: UploadLimits,
    ) -> None:
        self._storage = storage
        self._http = http
        self._reads = reads
        self._lane = lane
        self._clock = clock
        self._random = random
        self._sign = sign
        self._public_url = public_url
        self._limits = limits

    @property
    def max_bytes(self) -> int:
        """What one file may have."""
        return self._limits.max_bytes

    async def put(self, account_id: AccountId, segment: str, source: Path) -> AssetRow:
        """Copy a local file in and record it for the account with these file links, of any size.

        Raises Refusal for an empty file, OSError for one that cannot be read, StorageError.
        """
        async with self.scratch() as scratch:
            await asyncio.to_thread(shutil.copyfile, source, scratch)
            facts = await asyncio.to_thread(facts_of, scratch)
            if not facts.size:
                raise Refusal(Reason.INVALID_INPUT, f"{source.name} is empty", field="file")
            media_type = type_of(facts.sniffed, facts.measured, "")
            row = self._row(account_id, segment, source.name[:LONGEST_NAME], media_type, facts)
            await self._storage.put_file(scratch, row.path)
        await self._lane.write(UPLOAD, row)
        return row

    async def write(self, caller: Caller, place: Place, data: bytes, claims: Claims) -> AssetRow:
        """Store bytes. Raises Refusal or StorageError."""
        self._check_size(len(data), claims.field)
        async with self.scratch() as scratch:
            await asyncio.to_thread(scratch.write_bytes, data)
            return await self.keep(caller, place, scratch, claims)

    async def fetch(self, caller: Caller, place: Place, url: str) -> AssetRow:
        """Store the file at an address; one of our own is read from storage. Raises Refusal or StorageError."""
        async with self.scratch() as scratch:
            claims = await self._copy_own(url, scratch) or await self._download(url, scratch)
            return await self.keep(caller, place, scratch, claims)

    @contextlib.asynccontextmanager
    async def scratch(self) -> AsyncGenerator[Path]:
        """A path for a file on its way in. Whatever is there at the end is removed."""
        path = await self._storage.scratch()
        try:
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def keep(
        self, caller: Caller, place: Place, scratch: Path, claims: Claims, *, sha256: str = ""
    ) -> AssetRow:
        """Store the file at a scratch path, which is used up. Raises Refusal or StorageError.

        When this returns, the file's link serves it and tasks may name it. ``sha256`` spares a second reading.
        """
        facts = await asyncio.to_thread(facts_of, scratch, sha256=sha256)
        if not facts.size:
            raise Refusal(Reason.INVALID_INPUT, f"{claims.field}: the file is empty", field=claims.field)
        self._check_size(facts.size, claims.field)
        given = place.name or claims.name or ""
        media_type = _type(facts, claims, given)
        extension = claims.extension or extension_of(media_type)
        name = given or names.random_name(self._clock.now(), self._random, extension)
        link = names.link_of(self._segment(caller.account_id), place.folder, name)
        row = self._row(caller.account_id, caller.segment, name, media_type, facts)
        row = structs.replace(row, link=link)
        with _storage_asked():
            await self._storage.put_file(scratch, row.path)
        try:
            await self._lane.write(UPLOAD, row, bounded=True)
        except Busy:
            await self._storage.delete([row.path])
            raise Refusal(Reason.BUSY, "too many writes wait; try again shortly", retry_after=1.0) from None
        return row

    def _check_size(self, size: int, field: str) -> None:
        if size > self._limits.max_bytes:
            raise self.too_large(field)

    def too_large(self, field: str) -> Refusal:
        """The file in this field of a request has more bytes than an upload may have."""
        text = f"{field}: the file is larger than {self._limits.max_bytes} bytes, the most an upload may have"
        return Refusal(Reason.INVALID_INPUT, text, field=field)

    def _segment(self, account_id: AccountId) -> str:
        """The account's part of upload links.

        Not the one of its result links: those are shown to the world, and the names of uploads can be guessed.
        """
        return self._sign(f"uploads of account {account_id}")[:SEGMENT_DIGITS]

    async def _copy_own(self, url: str, scratch: Path) -> Claims | None:
        path, now = own_path(url, self._public_url), self._clock.now()
        if path is None:
            return None
        row = (await self._reads.run(lambda connection: assets.living(connection, [path], now))).get(path)
        if row is None:
            raise _unfetched("there is no such file here; it may have expired")
        try:
            with _storage_asked():
                await self._storage.copy_to(row.path, scratch)
        except Missing:
            raise _unfetched("this file is no longer stored") from None
        return Claims("fileUrl", row.media_type, names.name_in(url))

    async def _download(self, url: str, scratch: Path) -> Claims:
        try:
            download = await self._http.download(
                url, scratch, timeout=FETCH_SECONDS, max_bytes=self._limits.max_bytes
            )
        except Blocked as error:
            raise Refusal(Reason.BLOCKED_ADDRESS, f"fileUrl: {error}", field="fileUrl") from None
        except TooLarge:
            raise self.too_large("fileUrl") from None
        except NetError as error:
            raise _unfetched(f"could not fetch it: {error}") from None
        return Claims("fileUrl", download.media_type, names.name_in(url), address=True)

    def _row(self, account_id: AccountId, segment: str, name: str, media_type: str, facts: Facts) -> AssetRow:
        now = self._clock.now()
        seconds = facts.measured.seconds
        asset_id = AssetId(new_id(now, self._random))
        return AssetRow(
            id=asset_id,
            account_id=account_id,
            task_id=None,
            kind="upload",
            number=0,
            path=assets.path_of(segment, asset_id, f".{_extension(media_type, name)}"),
            name=name,
            media_type=media_type,
            size=facts.size,
            sha256=facts.sha256,
            width=facts.measured.width,
            height=facts.measured.height,
            seconds_ms=None if seconds is None else round(seconds * 1000),
            created_at=now,
            expires_at=Millis(now + self._limits.keep_ms),
        )


@contextlib.contextmanager
def _storage_asked() -> Generator[None]:
    """A storage that is away makes the client come back later. Raises Refusal."""
    try:
        yield
    except Unreachable:
        told = "the storage does not answer right now; try again shortly"
        raise Refusal(Reason.BUSY, told, retry_after=AWAY_SECONDS) from None


def _type(facts: Facts, claims: Claims, name: str) -> str:
    """The media type to store. Raises Refusal where the bytes are not what they are said to be."""
    if claims.address and facts.sniffed == "text/html" and names.extension_in(name) not in _PAGES:
        raise _unfetched("the address gives a web page, not a file")
    try:
        return type_of(facts.sniffed, facts.measured, claims.media_type)
    except FalseClaim as error:
        raise Refusal(Reason.INVALID_INPUT, f"{claims.field}: {error}", field=claims.field) from None


def _extension(media_type: str, name: str) -> str:
    """The ending of the stored name: what the bytes are; what the file says of itself if they do not tell."""
    own = names.extension_in(name)
    return own if own and media_type == UNKNOWN_TYPE else extension_of(media_type)


def _unfetched(reason: str) -> Refusal:
    return Refusal(Reason.INVALID_INPUT, f"fileUrl: {reason}", field="fileUrl")
