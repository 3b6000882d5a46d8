"""Getting a task's input files to disk, each address once, before anyone judges them.

An input may be any address the network policy allows, a ``data:`` URI, or a link of our own. Our own links
are read from storage and never fetched, whichever account the file belongs to: a link is unguessable and
serves without a key, so whoever holds it may use the file, just as they could download it.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from souk.assets import links
from souk.assets.datauri import BadDataUri, decode_data_uri
from souk.assets.ingest import UNKNOWN_TYPE, sound_alone
from souk.assets.measure import Measured, measure
from souk.assets.sniff import HEAD_BYTES, extension_of, sniff
from souk.assets.storage import Missing, Storage, StorageError, Unreachable
from souk.net.http import BadStatus, Blocked, Http, NetError, TooLarge
from souk.net.policy import Policy, check_url
from souk.store import assets
from souk.store.assets import AssetRow
from souk.store.database import Connection
from souk.store.reads import Reads
from souk.words import FailKind, Millis, TaskId

FETCH_SECONDS = 120.0
FETCHES_AT_ONCE = 4
UPSTREAM_SECONDS = 6 * 3600
"""How long an upstream may take until it fetches an input from the bucket: its queue may be long."""
ANY_TIME = Millis(0)
_PRIVATE_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where input files come from; but for ``task_id`` the same for every task of a process."""

    storage: Storage
    http: Http
    reads: Reads
    public_url: str
    max_bytes: int
    """Of a file for a field without a limit of its own."""
    fetch_seconds: float = FETCH_SECONDS
    task_id: TaskId | None = None
    """The task they are for, if that is known: it gets an upload as it was when the task was created."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file in the task's work folder. ``url`` is empty if it came without an address."""

    path: Path
    size: int
    media_type: str
    measured: Measured
    url: str
    reachable: bool


class Unusable(Exception):
    """What is wrong with an input file; whoever knows the field puts its name in front."""

    def __init__(self, kind: FailKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Inputs:
    """The files of one task. ``workdir`` is the task's own."""

    def __init__(self, workdir: Path, sources: Sources) -> None:
        self._workdir = workdir
        self._sources = sources
        self._found: dict[str, Fetched] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._numbers = itertools.count()
        self._turn = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def fetch(self, url: str, max_bytes: int) -> Fetched:
        """The file at an address, fetched the first time it is asked for. Raises Unusable."""
        async with self._once(url):
            if url not in self._found:
                self._found[url] = await self._get(url, max_bytes)
            return self._found[url]

    async def stored(self, row: AssetRow) -> Fetched:
        """A file of our own. Raises Unusable."""
        key = links.link(row.path)
        async with self._once(key):
            if key not in self._found:
                self._found[key] = await self._from_storage(row)
            return self._found[key]

    @contextlib.asynccontextmanager
    async def _once(self, url: str) -> AsyncGenerator[None]:
        async with self._locks.setdefault(url, asyncio.Lock()), self._turn:
            yield

    async def _get(self, url: str, max_bytes: int) -> Fetched:
        path = links.own_path(url, self._sources.public_url)
        if path is not None:
            row = await self._sources.reads.run(partial(_stored, path=path, task_id=self._sources.task_id))
            if row is None:
                raise Unusable(FailKind.INPUT_UNREACHABLE, "there is no such file here; it may have expired")
            return await self._from_storage(row)
        place = await self._place()
        if url[:5].lower() == "data:":
            await self._write_out(url, place)
            return await asyncio.to_thread(_examine, place, "")
        await self._download(url, place, max_bytes)
        return await asyncio.to_thread(_examine, place, url)

    async def _from_storage(self, row: AssetRow) -> Fetched:
        place = (await self._place()).with_suffix(Path(row.path).suffix)
        await asyncio.to_thread(place.unlink, missing_ok=True)
        try:
            await self._sources.storage.copy_to(row.path, place)
        except Missing:
            raise Unusable(FailKind.INPUT_UNREACHABLE, "this file is no longer stored") from None
        except Unreachable as error:
            raise Unusable(FailKind.TRANSIENT, str(error)) from error
        except StorageError as error:
            raise Unusable(FailKind.INPUT_UNREACHABLE, str(error)) from error
        url = self._address(row)
        seconds = None if row.seconds_ms is None else row.seconds_ms / 1000
        measured = Measured(row.width, row.height, seconds)
        return Fetched(place, row.size, row.media_type, measured, url, is_public(url))

    def _address(self, row: AssetRow) -> str:
        """Where an upstream may fetch a file of ours: at Souk, or at the bucket if that is all it can reach."""
        url = links.public_link(row.path, self._sources.public_url)
        if is_public(url):
            return url
        answer = {"Content-Type": row.media_type}
        direct = self._sources.storage.direct_link(row.path, UPSTREAM_SECONDS, answer)
        return direct if direct and is_public(direct) else url

    async def _place(self) -> Path:
        """A path in the work folder that this task has not used."""
        await asyncio.to_thread(self._workdir.mkdir, parents=True, exist_ok=True)
        return self._workdir / f"input-{next(self._numbers)}"

    async def _write_out(self, uri: str, place: Path) -> None:
        try:
            await asyncio.to_thread(lambda: place.write_bytes(decode_data_uri(uri)))
        except BadDataUri as error:
            raise Unusable(FailKind.BAD_INPUT, str(error)) from None

    async def _download(self, url: str, place: Path, max_bytes: int) -> None:
        """Fetch a file; once more where that may help, since one dropped connection must not fail a task."""
        download = self._sources.http.download
        for again in (True, False):
            try:
                await download(url, place, timeout=self._sources.fetch_seconds, max_bytes=max_bytes)
            except TooLarge:
                limit = f"the file is larger than {readable(max_bytes)}, the most this field takes"
                raise Unusable(FailKind.BAD_INPUT, limit) from None
            except NetError as error:
                if not again or not _may_pass(error):
                    raise Unusable(FailKind.INPUT_UNREACHABLE, f"could not fetch it: {error}") from None
            else:
                return


def _stored(connection: Connection, path: str, task_id: TaskId | None) -> AssetRow | None:
    """The file behind a path or link of ours, expired or not: the task may have held it past its time."""
    if path in (found := assets.find(connection, [path])):
        return found[path]
    held = assets.pinned(connection, path, task_id) if task_id else None
    return held or assets.linked(connection, path, ANY_TIME)


def is_public(url: str) -> bool:
    """Whether an upstream on the internet could fetch this address, judged by its spelling."""
    try:
        host = check_url(url, Policy.PRIVATE_DENIED).host
    except Blocked:
        return False
    return ":" in host or ("." in host and not host.endswith(_PRIVATE_NAMES))


def readable(size: int) -> str:
    """A number of bytes as people read it."""
    return f"{size / 1_048_576:.4g} MB" if size >= 1_048_576 else f"{size / 1024:.4g} KB"


def _may_pass(error: NetError) -> bool:
    if isinstance(error, BadStatus):
        return error.status in _WORTH_ANOTHER_TRY
    return not isinstance(error, Blocked)


def _examine(place: Path, url: str) -> Fetched:
    """Tell what a file is and give it the extension of that; blocks."""
    with place.open("rb") as file:
        sniffed = sniff(file.read(HEAD_BYTES)) or UNKNOWN_TYPE
        size = file.seek(0, 2)
    measured = measure(place, sniffed)
    media_type = sound_alone(sniffed, measured)
    path = place.rename(place.with_suffix(f".{extension_of(media_type)}"))
    return Fetched(path, size, media_type, measured, url, bool(url) and is_public(url))
