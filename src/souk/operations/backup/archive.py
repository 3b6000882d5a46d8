"""A backup on disk: a folder, or one ``.tar`` file. Both hold the same names, readable by their owner alone."""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

CHUNK = 1 << 20
STORED = "files/"
"""What the names of stored files begin with. They are added in the order in which they will be read."""


class BadBackup(Exception):
    """A backup that cannot be written or is not what it was; the message says where."""


class Sink(Protocol):
    """Where a backup is written to."""

    def add(self, name: str, path: Path) -> None:
        """Copy a file in under a name."""
        ...


class Source(Protocol):
    """Where a backup is read from."""

    def open(self, name: str) -> IO[bytes]:
        """Raises BadBackup when there is no such file."""
        ...

    def open_each(self, names: Iterable[str]) -> Iterator[IO[bytes]]:
        """Files in the order in which they were added, each open until the next one is asked for. Raises BadBackup."""
        ...


@contextmanager
def open_sink(target: Path) -> Generator[Sink]:
    """A new backup. What was written of one that fails is removed. Raises BadBackup."""
    with writable(target):
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise BadBackup(f"{target} exists already; name a new folder, or a new file that ends in .tar")
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _tar_sink(target) if target.suffix == ".tar" else _folder_sink(target) as sink:
            yield sink
    except BaseException:
        _remove(target)
        raise


@contextmanager
def writable(place: Path) -> Generator[None]:
    """Say where a disk takes nothing, and what to do. Raises BadBackup."""
    try:
        yield
    except OSError as error:
        raise BadBackup(
            f"cannot write to {place}: {error.strerror or error}; name a place where this user may write and that "
            "has room"
        ) from error


@contextmanager
def open_source(path: Path) -> Generator[Source]:
    """An existing backup. Raises BadBackup."""
    if path.is_dir():
        yield _FolderSource(path)
        return
    try:
        with tarfile.open(path, "r:") as tar:
            yield _TarSource(path, tar)
    except (tarfile.TarError, OSError) as error:
        raise BadBackup(f"{path} is not a backup: {error}") from error


def sha256_of(file: IO[bytes]) -> str:
    """The hash of what is left of an open file."""
    digest = hashlib.sha256()
    while piece := file.read(CHUNK):
        digest.update(piece)
    return digest.hexdigest()


class _FolderSink:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, path: Path) -> None:
        place = self._folder / name
        with path.open("rb") as source, writable(self._folder):
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK)
                target.flush()
                os.fsync(target.fileno())


class _TarSink:
    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path = path
        self._tar = tar

    def add(self, name: str, path: Path) -> None:
        info = tarfile.TarInfo(name)
        info.size = path.stat().st_size
        info.mode = 0o600
        with path.open("rb") as file, writable(self._path):
            self._tar.addfile(info, file)
        _forget(self._tar)


class _FolderSource:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> IO[bytes]:
        try:
            return (self._folder / name).open("rb")
        except OSError as error:
            raise BadBackup(f"{self._folder}: {name} is missing") from error

    def open_each(self, names: Iterable[str]) -> Iterator[IO[bytes]]:
        for name in names:
            with self.open(name) as file:
                yield file


class _TarSource:
    """Reads through the archive from front to back: where millions of stored files lie would not fit into memory."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path = path
        self._tar = tar
        self._few = {info.name: info for info in _members(tar) if not info.name.startswith(STORED)}

    def open(self, name: str) -> IO[bytes]:
        return self._opened(self._tar, name, self._few.get(name))

    def open_each(self, names: Iterable[str]) -> Iterator[IO[bytes]]:
        with tarfile.open(self._path, "r:") as tar:
            members = _members(tar)
            for name in names:
                with self._opened(
                    tar, name, next((info for info in members if info.name == name), None)
                ) as file:
                    yield file

    def _opened(self, tar: tarfile.TarFile, name: str, info: tarfile.TarInfo | None) -> IO[bytes]:
        file = tar.extractfile(info) if info else None
        if file is None:
            raise BadBackup(f"{self._path}: {name} is missing")
        return file


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """What is in an archive, one after the other."""
    while (info := tar.next()) is not None:
        _forget(tar)
        yield info


def _forget(tar: Any) -> None:
    """Drop what the library remembers of the files it saw: there may be millions of them."""
    tar.members.clear()


@contextmanager
def _folder_sink(target: Path) -> Generator[Sink]:
    with writable(target):
        target.mkdir(mode=0o700, exist_ok=True)
    yield _FolderSink(target)


@contextmanager
def _tar_sink(target: Path) -> Generator[Sink]:
    with writable(target):
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            yield _TarSink(target, tar)
        file.flush()
        os.fsync(file.fileno())


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)  # a folder that was there may have to stay, empty
    else:
        target.unlink(missing_ok=True)
