"""What tests of stored files share: a migrated store with one account, a storage of either kind, and the network."""

import hashlib
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import obstore

from souk.assets.bucket.client import Patience, opened
from souk.assets.bucket.place import Bucket
from souk.assets.bucket.storage import OWNER as OBJECT_OWNER
from souk.assets.bucket.storage import BucketStorage
from souk.assets.disk import OWNER, DiskStorage
from souk.assets.ingest import Ingest, IngestLimits
from souk.assets.storage import Storage
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.store import accounts, assets, pins, tasks
from souk.store.assets import AssetRow
from souk.store.database import Connection, Database, sqlite_url
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.store.statement import Statement
from souk.words import AssetId, Millis, TaskId
from tests.clock import HandClock

SEGMENT = "5e9a0c"
INSTALLATION = "0f" * 16
DAY_MS = 86_400_000

_FINISH = Statement("UPDATE tasks SET completed_at = :at, keep = :keep WHERE id = :id")


def _insert(connection: Connection, rows: Sequence[AssetRow]) -> list[None]:
    assets.insert(connection, rows)
    return [None] * len(rows)


INSERT: Kind[AssetRow, None] = Kind("insert", 1, _insert)


@dataclass
class Shelf:
    """A process's hold on stored files. ``database`` is open for the test's own statements."""

    connection: Connection
    lane: Lane
    reads: Reads
    storage: Storage
    http: GuardedHttp
    clock: HandClock
    account_id: int
    folder: Path

    def ingest(self, max_bytes: int = 10_000_000, seconds: float = 5) -> Ingest:
        limits = IngestLimits(max_bytes, seconds, keep_ms=14 * DAY_MS)
        return Ingest(self.storage, self.http, self.reads, self.clock, Random(1), limits)

    async def settle(self) -> None:
        """Say that the stored files are this database's, as a first start does."""
        accounts.set_meta(self.connection, accounts.INSTALLATION, INSTALLATION)
        await self.storage.claim(INSTALLATION)

    async def unmark(self) -> None:
        """Take away the mark that says whose the stored files are."""
        if isinstance(self.storage, BucketStorage):
            client = opened(self.storage.bucket, Patience())
            await obstore.delete_async(client, OBJECT_OWNER)
        else:
            (self.folder / "files" / OWNER).unlink()

    async def put(self, file: str, data: bytes, **facts: Any) -> AssetRow:
        """Store a file of this name with a row; ``facts`` are columns of it."""
        row = asset(
            f"{SEGMENT}/{file}", data, account_id=self.account_id, created_at=self.clock.now(), **facts
        )
        await self.put_bytes(row.path, data)
        assets.insert(self.connection, [row])
        return row

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store a file without a row."""
        scratch = await self.storage.scratch()
        scratch.write_bytes(data)
        await self.storage.put_file(scratch, key)

    async def read(self, key: str) -> bytes:
        return b"".join([piece async for piece in self.storage.open_range(key)])

    def add_task(self, number: int, *, finished: bool = True, keep: bool = False, pin: str = "") -> TaskId:
        """A task of the account, pinning one target if given."""
        task_id = TaskId(f"{number:032x}")
        row = dict.fromkeys(("callback_url", "progress_url", "client_task_id"))
        row |= {"id": task_id, "account_id": self.account_id, "key_id": 1, "mode": "live", "dialect": "jobs"}
        row |= {"model": "m", "input": "{}", "warnings": "", "price": "{}", "hold": 0, "pins": int(bool(pin))}
        row["hops"] = 0
        tasks.insert(
            self.connection, [{**row, "created_at": self.clock.now(), "deadline_at": self.clock.now()}]
        )
        finish = {"id": task_id, "keep": int(keep), "at": self.clock.now() if finished else None}
        self.connection.run(_FINISH, finish)
        pins.insert(self.connection, [(task_id, pin)] if pin else [])
        return task_id


def path_to(place: str) -> str:
    """The path that a file of this folder and name has in tests: with its id in it, as all paths."""
    folder, _, name = place.rpartition("/")
    return assets.path_of(folder, _id_for(place), f"-{name}")


def _id_for(place: str) -> AssetId:
    return AssetId(hashlib.sha256(place.encode()).hexdigest()[:32])


def asset(place: str, data: bytes, **facts: Any) -> AssetRow:
    """A row for these bytes, in a folder and under a name: ``folder/name``."""
    columns: dict[str, Any] = dict.fromkeys(AssetRow.__struct_fields__)
    columns |= {"id": _id_for(place), "account_id": 1, "kind": "result", "number": 0}
    columns |= {"path": path_to(place), "name": place.rpartition("/")[2]}
    columns |= {"media_type": "image/png", "size": len(data)}
    columns |= {"sha256": hashlib.sha256(data).hexdigest(), "created_at": Millis(0)}
    return AssetRow(**{**columns, **facts})


@asynccontextmanager
async def open_shelf(url: str, folder: Path, bucket: Bucket | None = None) -> AsyncIterator[Shelf]:
    """Open everything on a migrated database and a folder; files lie in a bucket if one is given."""
    database = Database(url)
    connection = database.connect()
    account = accounts.insert_account(connection, "first", SEGMENT, "", Millis(0))
    lane, reads = Lane(database, "test"), Reads(database)
    storage = BucketStorage(bucket, folder / "scratch") if bucket else DiskStorage(folder / "files")
    lane.start()
    try:
        async with GuardedHttp.open(Policy.OPEN) as http:
            account_id = account.id if account else 0
            yield Shelf(connection, lane, reads, storage, http, HandClock(), account_id, folder)
    finally:
        await storage.close()
        lane.close()
        reads.close()
        connection.close()


@asynccontextmanager
async def open_sqlite_shelf(template: Path, folder: Path) -> AsyncIterator[Shelf]:
    """For tests that are not about the database: a copy of a migrated file."""
    shutil.copyfile(template, folder / "souk.db")
    async with open_shelf(sqlite_url(folder / "souk.db"), folder) as shelf:
        yield shelf
