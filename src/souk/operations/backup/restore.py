"""Restoring a backup into an empty place: files first, then all rows in one transaction, then proof."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from souk.accounts.verify import verify
from souk.assets.belonging import settle
from souk.assets.storage import Storage
from souk.operations.backup import manifest as contents
from souk.operations.backup.archive import BadBackup, Source
from souk.operations.backup.manifest import Manifest, assets_of, check, read_rows
from souk.store.accounts import INSTALLATION
from souk.store.database import Connection, Database
from souk.store.dump import count_rows, make_live, table_names, write_rows
from souk.store.migrate import HEAD, migrate

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Restored:
    """What was loaded."""

    manifest: Manifest
    problems: list[str]
    """Where the ledger does not add up; it did not when the backup was taken, then."""
    owns_files: bool
    """The storage is the database's now. If it held files before, :mod:`souk.operations.adoption` decides."""


async def restore(database: Database, storage: Storage, source: Source) -> Restored:
    """Load a backup and prove that all of it arrived. Raises BadBackup, and then the database is still empty."""
    manifest = check(source)
    if manifest.schema != HEAD:
        raise BadBackup(
            f"this backup has schema {manifest.schema} and this Souk works with {HEAD}; "
            f"restore it with Souk {manifest.souk}, then upgrade"
        )
    migrate(database)
    connection = database.connect()
    try:
        _check_empty(connection)
        owns_files = await _settle(storage, source)
        await _bring_files(storage, source, manifest)
        connection.begin()
        try:
            _load(connection, source, manifest)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return Restored(manifest, verify(connection).problems, owns_files)
    finally:
        connection.close()


def restore_secret_key(source: Source, place: Path) -> None:
    """Put the backup's secret key where Souk looks for it. Raises BadBackup if another one is there."""
    with source.open(contents.SECRET_KEY) as file:
        text = file.read()
    if place.exists():
        if place.read_bytes() != text:
            raise BadBackup(f"{place} is another secret key than the backup's; move it away first")
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())


def _check_empty(connection: Connection) -> None:
    if taken := [name for name in table_names() if count_rows(connection, name)]:
        raise BadBackup(f"the database is not empty ({', '.join(taken[:3])}); restore into an empty one")


async def _settle(storage: Storage, source: Source) -> bool:
    """Mark an empty storage as the backup's before its files come in, so that a second try finds its own mark."""
    facts = {row["key"]: row["value"] for row in read_rows(source, "meta")}
    return INSTALLATION in facts and await settle(storage, facts[INSTALLATION])


async def _bring_files(storage: Storage, source: Source, manifest: Manifest) -> None:
    missing = set(manifest.missing)
    for row in assets_of(source):
        if row.path in missing or await storage.exists(row.path):
            continue
        scratch = await storage.scratch()
        _copy_out(source, contents.stored_file(row.path), scratch)
        await storage.put_file(scratch, row.path)


def _copy_out(source: Source, name: str, place: Path) -> None:
    with source.open(name) as file, place.open("wb") as target:
        copyfileobj(file, target, 1 << 20)


def _load(connection: Connection, source: Source, manifest: Manifest) -> None:
    for name, facts in manifest.tables.items():
        for rows in _batches(read_rows(source, name)):
            write_rows(connection, name, rows)
        if count_rows(connection, name) != facts.rows:
            raise BadBackup(f"{name} has {count_rows(connection, name)} rows after loading, not {facts.rows}")
    make_live(connection)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield batch
