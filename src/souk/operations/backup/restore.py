"""Restoring a backup into an empty place: files first, then all rows in one transaction, then proof."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from souk.accounts.bootstrap import SECRET_KEY_MARK, mark_fits
from souk.accounts.secrets import SecretBox
from souk.accounts.verify import verify
from souk.assets.belonging import settle
from souk.assets.storage import Storage
from souk.operations.backup import manifest as contents
from souk.operations.backup.archive import CHUNK, BadBackup, Source
from souk.operations.backup.digest import Digest
from souk.operations.backup.manifest import Manifest, assets_of, check, files_of, read_rows
from souk.store.accounts import INSTALLATION
from souk.store.database import Connection, Database
from souk.store.dump import is_empty, number_on, read_table, table_names, write_rows
from souk.store.migrate import migrate
from souk.store.release import HEAD

ROWS_AT_ONCE = 1000
LOOKS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Restored:
    """What was loaded."""

    manifest: Manifest
    problems: list[str]
    """Where the ledger does not add up; it did not when the backup was taken, then."""
    owns_files: bool
    """The storage is the database's now. If it held files before, :mod:`souk.operations.adoption` decides."""


async def restore(
    database: Database, storage: Storage, source: Source, box: SecretBox | None = None
) -> Restored:
    """Load a backup and prove that all of it arrived. Raises BadBackup, and then the database is still empty.

    ``box`` is the secret key of this place, if it has one already.
    """
    manifest = check(source)
    if manifest.schema != HEAD:
        raise BadBackup(
            f"this backup has schema {manifest.schema} and this Souk works with {HEAD}; "
            f"restore it with Souk {manifest.souk}, then upgrade"
        )
    facts = {row["key"]: row["value"] for row in read_rows(source, "meta")}
    if box is not None and not mark_fits(facts.get(SECRET_KEY_MARK), box):
        raise BadBackup(
            "the secret key of this place does not open the secrets of the backup; put the right one here. If it is "
            "lost, load the backup where there is none, then run `souk accounts rotate-webhook-key --lost`"
        )
    migrate(database)
    connection = database.connect()
    try:
        _check_empty(connection)
        installation = facts.get(INSTALLATION, "")
        if manifest.files_left:
            await _check_files(storage, source, installation)
        # Marked before files come in, so that a second try finds its own mark.
        owns_files = bool(installation) and await settle(storage, installation)
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
    if taken := [name for name in table_names() if not is_empty(connection, name)]:
        raise BadBackup(f"the database is not empty ({', '.join(taken[:3])}); restore into an empty one")


async def _bring_files(storage: Storage, source: Source, manifest: Manifest) -> None:
    for row, file in files_of(source, manifest):
        if await storage.exists(row.path):
            continue
        scratch = await storage.scratch()
        with scratch.open("wb") as target:
            copyfileobj(file, target, CHUNK)
        await storage.put_file(scratch, row.path)


async def _check_files(storage: Storage, source: Source, installation: str) -> None:
    """Make sure that the storage is the one in which the files were left."""
    if await storage.owner() not in (None, installation):
        raise BadBackup(
            "the files were left in their storage, and this is another installation's; correct SOUK_STORAGE_URL"
        )
    rows = assets_of(source)
    while batch := list(islice(rows, LOOKS_AT_ONCE)):
        there = await asyncio.gather(*(storage.exists(row.path) for row in batch))
        lost = [row.path for row, is_there in zip(batch, there, strict=True) if not is_there]
        if lost:
            raise BadBackup(
                f"the files were left in their storage, and {lost[0]} is not in this one; correct SOUK_STORAGE_URL"
            )


def _load(connection: Connection, source: Source, manifest: Manifest) -> None:
    for name in manifest.tables:
        for rows in _batches(read_rows(source, name)):
            write_rows(connection, name, rows)
    for name, facts in manifest.tables.items():
        loaded = Digest().add_all(read_table(connection, name))
        if (loaded.rows, str(loaded)) != (facts.rows, facts.digest):
            raise BadBackup(
                f"{name} has other rows after loading than it had ({loaded.rows} of {facts.rows})"
            )
    number_on(connection)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield batch
