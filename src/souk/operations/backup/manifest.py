"""What a backup says of itself, written last: with it the backup is whole, and every byte of it can be checked."""

from collections.abc import Iterable, Iterator
from itertools import tee
from typing import IO, Any

import msgspec

from souk.operations.backup.archive import STORED, BadBackup, Source, sha256_of
from souk.store.assets import AssetRow

NAME = "manifest.json"
FORMAT = 2
SECRET_KEY = "secret.key"  # noqa: S105 - the name of a file


class TableFacts(msgspec.Struct, frozen=True):
    """One table as it lies in the backup."""

    rows: int
    sha256: str
    """Of its file in the backup."""
    digest: str
    """Of its rows, the same in every database: see :class:`souk.operations.backup.digest.Digest`."""


class Manifest(msgspec.Struct, frozen=True):
    """The contents of a backup."""

    format: int
    souk: str
    """The version of Souk that made it."""
    schema: str
    created_at: int
    tables: dict[str, TableFacts]
    files: int
    bytes: int
    """Size of all files."""
    files_left: bool
    """The files are not in the backup: they stayed in their storage, which goes on to be used."""
    missing: list[str]
    """Files that the database names and the storage did not have."""
    secret_key: bool
    """The key that opens the secrets in the database is in the backup."""
    stopped: bool = False
    """Nothing ran when it was taken, and nothing will: the installation goes on where this is loaded."""


def table_file(name: str) -> str:
    return f"tables/{name}.jsonl"


def stored_file(path: str) -> str:
    return f"{STORED}{path}"


def read_manifest(source: Source) -> Manifest:
    """Raises BadBackup when there is none, or one of a later format."""
    with source.open(NAME) as file:
        try:
            manifest = msgspec.json.decode(file.read(), type=Manifest)
        except msgspec.DecodeError as error:
            raise BadBackup(f"{NAME} is damaged: {error}") from error
    if manifest.format != FORMAT:
        raise BadBackup(f"this backup has format {manifest.format}; this Souk reads format {FORMAT}")
    return manifest


def read_rows(source: Source, table: str) -> Iterator[dict[str, Any]]:
    """The rows of a table in the backup."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with source.open(table_file(table)) as file:
        for line in file:
            yield decode(line)


def check(source: Source) -> Manifest:
    """Read the whole backup and compare it with its manifest. Raises BadBackup at the first difference."""
    manifest = read_manifest(source)
    for name, facts in manifest.tables.items():
        with source.open(table_file(name)) as file:
            if sha256_of(file) != facts.sha256:
                raise BadBackup(f"{table_file(name)} is not what it was when the backup was made")
    for asset, file in files_of(source, manifest):
        if sha256_of(file) != asset.sha256:
            raise BadBackup(f"{stored_file(asset.path)} is not what it was when it was stored")
    return manifest


def files_of(source: Source, manifest: Manifest) -> Iterator[tuple[AssetRow, IO[bytes]]]:
    """The stored files in the backup, each open until the next one is asked for. Raises BadBackup where one is not."""
    if manifest.files_left:
        return
    missing = set(manifest.missing)
    wanted = (asset for asset in assets_of(source) if asset.path not in missing)
    rows, names = tee(wanted)
    yield from zip(rows, source.open_each(stored_file(asset.path) for asset in names), strict=True)


def assets_of(source: Source) -> Iterator[AssetRow]:
    """The stored files that the backup's database names."""
    with source.open(table_file("assets")) as file:
        yield from read_assets(file)


def read_assets(lines: Iterable[bytes]) -> Iterator[AssetRow]:
    """Rows of the table of stored files."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for line in lines:
        row = decode(line)
        yield msgspec.convert([row[name] for name in AssetRow.__struct_fields__], AssetRow)
