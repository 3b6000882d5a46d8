"""Restoring a backup into an empty place: files first, then all rows in one transaction, then proof.

What was restored is an installation with an id of its own: the one that the backup was taken of may live, and have
stored files since which the restored database does not know. So files that were in the storage before stay that one's,
until an operator adopts them.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from souk.accounts.bootstrap import new_installation
from souk.accounts.in_force import SECRET_KEY_MARK
from souk.accounts.secrets import SecretBox
from souk.accounts.verify import verify
from souk.assets.belonging import settle
from souk.assets.storage import Storage, StorageError
from souk.operations.adoption import adopt
from souk.operations.backup import manifest as contents
from souk.operations.backup.archive import CHUNK, BadBackup, Source
from souk.operations.backup.digest import Digest
from souk.operations.backup.manifest import Manifest, assets_of, check, files_of, read_rows
from souk.store.accounts import INSTALLATION, become_installation
from souk.store.database import Connection, Database
from souk.store.dump import is_empty, number_on, read_table, table_names, write_rows
from souk.store.migrate import migrate
from souk.store.reads import Reads
from souk.store.release import HEAD
from souk.words import Millis

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
    gone: list[str]
    """Files that the backup left in their storage, and that are there no more."""


async def restore(
    database: Database,
    storage: Storage,
    source: Source,
    now: Millis,
    box: SecretBox | None = None,
    *,
    without_missing: bool = False,
) -> Restored:
    """Load a backup and prove that all of it arrived. Raises BadBackup, and then the database is still empty.

    ``box`` is the secret key of this place, if it has one already. Where files were left in their storage, all that
    have not expired by ``now`` must be there, unless ``without_missing``.
    """
    manifest = check(source)
    if manifest.schema != HEAD:
        raise BadBackup(
            f"this backup has schema {manifest.schema} and this Souk works with {HEAD}; "
            f"restore it with Souk {manifest.souk}, then upgrade"
        )
    facts = {row["key"]: row["value"] for row in read_rows(source, "meta")}
    if box is not None and not box.fits(facts.get(SECRET_KEY_MARK)):
        raise BadBackup(
            "the secret key of this place does not open the secrets of the backup; put the right one here. If it was "
            "exchanged since, give the former one as SOUK_SECRET_KEY_BEFORE. If it is lost, load the backup where "
            "there is none, then run `souk accounts rotate-webhook-key --lost`"
        )
    migrate(database)
    connection = database.connect()
    try:
        _check_empty(connection)
        gone = await _gone(storage, source, now, without_missing) if manifest.files_left else []
        origin, own = facts.get(INSTALLATION, ""), new_installation()
        # Marked before files come in, so that a second try finds its own mark, and nobody else takes them for his.
        reserved = await settle(storage, f"restore of {origin} as of {manifest.created_at}")
        await _bring_files(storage, source, manifest)
        connection.begin()
        try:
            _load(connection, source, manifest)
            become_installation(connection, own)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        owns_files = await _take_over(database, storage, own, origin, reserved, stopped=manifest.stopped)
        return Restored(manifest, verify(connection).problems, owns_files, gone)
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


async def _take_over(
    database: Database, storage: Storage, own: str, origin: str, reserved: bool, *, stopped: bool
) -> bool:
    """Make the storage the restored installation's where nobody else can need its files; whether it is now.

    That is so if it was empty, or if the installation that was exported goes on here and stored nothing since.
    """
    try:
        if reserved:
            await storage.claim(own)
            return True
        if not stopped or await storage.owner() not in (None, origin):
            return False
        reads = Reads(database, readers=1)
        try:
            return (await adopt(reads, storage, with_unknown=False, take_over=True)).adopted
        finally:
            reads.close()
    except StorageError:
        return False  # the rows are in, and whose the files are can be said later


async def _gone(storage: Storage, source: Source, now: Millis, without_missing: bool) -> list[str]:
    """Which of the files that were left in their storage are not in this one. Raises BadBackup."""
    rows, gone, missing, total = assets_of(source), list[str](), list[str](), 0
    while batch := list(islice(rows, LOOKS_AT_ONCE)):
        there = await asyncio.gather(*(storage.exists(row.path) for row in batch))
        absent = [row for row, is_there in zip(batch, there, strict=True) if not is_there]
        gone += [row.path for row in absent]
        missing += [row.path for row in absent if row.expires_at is None or row.expires_at > now]
        total += len(batch)
    if missing and not without_missing:
        raise BadBackup(
            f"the files were left in their storage, and {len(missing)} of {total} are not in this one, {missing[0]} "
            "for one; correct SOUK_STORAGE_URL. If they were deleted after the backup, bring them back (a bucket may "
            "keep deleted versions), or restore --without-missing"
        )
    return gone


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
