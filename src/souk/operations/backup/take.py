"""Taking a backup while Souk runs: the database as of one moment, then every file that it names."""

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from souk import __version__
from souk.assets.storage import Missing, Storage
from souk.clock import Clock
from souk.operations.backup import manifest as contents
from souk.operations.backup.archive import BadBackup, Sink, open_sink, open_source, sha256_of, writable
from souk.operations.backup.digest import Digest
from souk.operations.backup.manifest import FORMAT, Manifest, TableFacts, check
from souk.store import assets
from souk.store.assets import AssetRow
from souk.store.database import Connection, Database
from souk.store.dump import read_table, table_names
from souk.store.migrate import Fit, fit
from souk.store.release import HEAD
from souk.store.snapshot import snapshot

ASSETS = "assets"
"""The table of stored files."""


async def take(
    database: Database,
    storage: Storage,
    target: Path,
    clock: Clock,
    *,
    secret_key: Path | None = None,
    leave_files: bool = False,
    stopped: bool = False,
) -> Manifest:
    """Write a backup to a new folder or ``.tar`` file, then read it back and compare. Raises BadBackup.

    ``secret_key`` is a file to put in as well; without it the backup holds no key that opens its secrets. With
    ``leave_files`` the stored files are not in it, for those who go on with the same storage. ``stopped`` says that
    the installation does not run and goes on where the backup is loaded.
    """
    if fit(database) is Fit.AHEAD:
        raise BadBackup(
            "a newer Souk has added to this database what this one would leave out; use the newer one"
        )
    created_at = clock.now()
    with open_sink(target) as sink, _workplace(target) as folder:
        work = Path(folder)
        tables = _dump_tables(database, sink, work)
        files = _Files() if leave_files else await _copy_files(database, storage, sink, work)
        if secret_key is not None:
            sink.add(contents.SECRET_KEY, secret_key)
        manifest = Manifest(
            format=FORMAT,
            souk=__version__,
            schema=HEAD,
            created_at=created_at,
            tables=tables,
            files=files.count,
            bytes=files.size,
            files_left=leave_files,
            missing=files.missing,
            secret_key=secret_key is not None,
            stopped=stopped,
        )
        _add_text(sink, contents.NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=2), work)
    with open_source(target) as source:
        return check(source)


def _workplace(target: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder on the disk of the backup, which has room for it. Raises BadBackup."""
    folder = target.absolute().parent
    with writable(folder):
        return tempfile.TemporaryDirectory(dir=folder, prefix=".souk-backup-")


def _dump_tables(database: Database, sink: Sink, work: Path) -> dict[str, TableFacts]:
    """Every table of one moment."""
    connection = database.connect(read_only=True)
    try:
        with snapshot(connection):
            return {name: _dump_table(connection, name, sink, work) for name in table_names()}
    finally:
        connection.close()


def _dump_table(connection: Connection, name: str, sink: Sink, work: Path) -> TableFacts:
    draft, whole, digest = work / f"{name}.jsonl", hashlib.sha256(), Digest()
    with draft.open("wb") as file:
        for rows in read_table(connection, name):
            page = b"".join(digest.add(row) for row in rows)
            whole.update(page)
            file.write(page)
    sink.add(contents.table_file(name), draft)
    if name != ASSETS:  # needed once more, to copy the files by
        draft.unlink()
    return TableFacts(digest.rows, whole.hexdigest(), str(digest))


@dataclass
class _Files:
    """What was copied out of the storage so far."""

    count: int = 0
    size: int = 0
    missing: list[str] = field(default_factory=list[str])


async def _copy_files(database: Database, storage: Storage, sink: Sink, work: Path) -> _Files:
    """Every file the dumped database names. One that is gone by now must be gone from the database too."""
    copied = _Files()
    with (work / f"{ASSETS}.jsonl").open("rb") as lines:
        for row in contents.read_assets(lines):
            await _copy_file(storage, row, sink, work, copied)
    if lost := _still_named(database, copied.missing):
        raise BadBackup(f"{len(lost)} stored files are missing, the first is {lost[0]}; see `souk doctor`")
    return copied


async def _copy_file(storage: Storage, row: AssetRow, sink: Sink, work: Path, copied: _Files) -> None:
    place = work / "file"
    try:
        await storage.copy_to(row.path, place)
    except Missing:
        copied.missing.append(row.path)
        return
    _check_file(place, row)
    sink.add(contents.stored_file(row.path), place)
    place.unlink()
    copied.count += 1
    copied.size += row.size


def _check_file(place: Path, row: AssetRow) -> None:
    with place.open("rb") as file:
        if sha256_of(file) != row.sha256:
            raise BadBackup(
                f"the stored file {row.path} is damaged: its bytes are not those that were stored"
            )


def _still_named(database: Database, paths: list[str]) -> list[str]:
    """Which of these files the database still promises."""
    connection = database.connect(read_only=True)
    try:
        return sorted(assets.find(connection, paths)) if paths else []
    finally:
        connection.close()


def _add_text(sink: Sink, name: str, text: bytes, work: Path) -> None:
    draft = work / name
    draft.write_bytes(text)
    sink.add(name, draft)
