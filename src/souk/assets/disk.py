"""Storage on the local disk: scratch file, fsync, link under its final name, fsync of the folder.

Object-store libraries do not sync, and ``success`` may only be written after the bytes would survive a
power cut.
"""

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from souk.assets.scratch import Scratch, files_before, remove
from souk.assets.small import SmallFiles, WriterGone
from souk.assets.storage import BadKey, Missing, StorageError, StorageStats, Unreachable, check_key
from souk.durable import sync, sync_folder
from souk.words import Millis

T = TypeVar("T")

SYNC_THREADS = 16
"""Files synced at once. The file system commits them together; more threads than this no longer helped."""
READ_THREADS = 4
PIECE_BYTES = 256 * 1024
LISTED_AT_ONCE = 1000
SCRATCH = ".scratch"
OWNER = ".installation"
"""The file that says whose files these are. It is hidden, so no key can name it."""

# Errors of file systems that have no hard links.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class DiskStorage:
    """Files below one folder, each under its key. Any number of processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._scratch = Scratch(self._root / SCRATCH)
        self._folders = threading.Lock()
        self._writers = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="souk-sync")
        self._readers = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="souk-file")
        self._puts = self._put_bytes = self._deletes = 0
        try:
            _make_root(self._root, self._scratch.folder)
        except OSError as error:
            raise StorageError(
                f"cannot keep files in {self._root}: {error.strerror}; SOUK_STORAGE_URL names another folder"
            ) from error
        self._durable = {self._root}
        self._small = SmallFiles()

    async def scratch(self) -> Path:
        """See :meth:`souk.assets.storage.Storage.scratch`."""
        return self._scratch.place()

    async def put_file(self, path: Path, key: str) -> None:
        """See :meth:`souk.assets.storage.Storage.put_file`."""
        size = await self._write(partial(self._put, path, self._place(key)))
        self._puts += 1
        self._put_bytes += size

    async def put_bytes(self, data: bytes, key: str) -> None:
        """See :meth:`souk.assets.small.TakesBytes.put_bytes`."""
        place = self._place(key)
        try:
            if place.parent not in self._durable:
                await self._write(partial(self._make_durable, place.parent))
            await self._small.put(data, place)
        except WriterGone as error:
            raise Unreachable(f"storage: {error.strerror}") from error
        except FileExistsError:
            raise StorageError(f"{key} is in storage already") from None
        except OSError as error:
            raise StorageError(f"storage: {error.strerror or error}") from error
        self._puts += 1
        self._put_bytes += len(data)

    async def open_range(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        """See :meth:`souk.assets.storage.Storage.open_range`."""
        left = length
        piece, file = await self._read(partial(_open, self._place(key), start, _piece(left)))
        try:
            while piece:
                yield piece
                left = None if left is None else left - len(piece)
                piece = await self._read(partial(file.read, _piece(left)))
        finally:
            file.close()

    async def copy_to(self, key: str, path: Path) -> None:
        """See :meth:`souk.assets.storage.Storage.copy_to`. A hard link where that is possible."""
        await self._read(partial(_link_or_copy, self._place(key), path))

    async def exists(self, key: str) -> bool:
        """See :meth:`souk.assets.storage.Storage.exists`."""
        return await self._read(self._place(key).is_file)

    async def delete(self, keys: Iterable[str]) -> None:
        """See :meth:`souk.assets.storage.Storage.delete`."""
        places = [self._place(key) for key in keys]
        self._deletes += await self._write(partial(remove, places))

    async def list_older_than(self, moment: Millis) -> AsyncGenerator[list[str]]:
        """See :meth:`souk.assets.storage.Storage.list_older_than`. Files that carry no key are not listed."""
        batches = _in_batches(self._older(moment))
        while batch := await self._read(partial(next, batches, [])):
            yield batch

    async def clear_scratch(self, moment: Millis) -> int:
        """See :meth:`souk.assets.storage.Storage.clear_scratch`."""
        return await self._write(partial(self._scratch.clear, moment))

    async def owner(self) -> str | None:
        """See :meth:`souk.assets.storage.Storage.owner`."""
        return await self._read(partial(owner_of, self._root))

    async def claim(self, installation: str) -> None:
        """See :meth:`souk.assets.storage.Storage.claim`."""
        await self._write(partial(self._claim, installation))

    def direct_link(self, key: str, seconds: int, answer: Mapping[str, str]) -> str | None:
        """None: a disk serves nobody."""

    async def stats(self) -> StorageStats:
        """See :meth:`souk.assets.storage.Storage.stats`."""
        usage = await self._read(partial(shutil.disk_usage, self._root))
        return StorageStats(self._puts, self._put_bytes, self._deletes, usage.free)

    async def close(self) -> None:
        """Let the work under way finish and stop the threads and the child."""
        await self._small.close()
        await asyncio.to_thread(self._writers.shutdown)
        await asyncio.to_thread(self._readers.shutdown)

    def _place(self, key: str) -> Path:
        return self._root / check_key(key)

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writers, _plainly, work)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, _plainly, work)

    def _put(self, path: Path, place: Path) -> int:
        self._make_durable(place.parent)
        path = self._brought_here(path)
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise StorageError(f"{path.name} is not a file")
            # The sweep judges age by this time, and a file may be much older than its way in.
            now = time.time()
            os.utime(file.fileno(), (now, now))
            sync(file.fileno())
        _link_once(path, place)
        path.unlink(missing_ok=True)
        sync_folder(place.parent)
        return facts.st_size

    def _brought_here(self, path: Path) -> Path:
        """The same bytes as a file of this file system, at a path that can be renamed."""
        if path.stat(follow_symlinks=False).st_dev == self._scratch.folder.stat().st_dev:
            return path
        near = self._scratch.place()
        shutil.copyfile(path, near)
        path.unlink()
        return near

    def _claim(self, installation: str) -> None:
        draft = self._scratch.place()
        with draft.open("w", encoding="ascii") as file:
            file.write(installation + "\n")
            file.flush()
            sync(file.fileno())
        draft.replace(self._root / OWNER)
        sync_folder(self._root)

    def _make_durable(self, folder: Path) -> None:
        """Make a folder and those above it, and sync their names before anything is put there."""
        if folder in self._durable:
            return
        with self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            for above in (folder, *folder.parents):
                if above in self._durable:
                    break
                sync_folder(above.parent)
                self._durable.add(above)

    def _older(self, moment: Millis) -> Iterator[str]:
        for folder, folders, _ in os.walk(self._root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in files_before(Path(folder), moment / 1000):
                key = path.relative_to(self._root).as_posix()
                try:
                    yield check_key(key)
                except BadKey:
                    continue


def owner_of(root: Path) -> str | None:
    """The installation whose files lie in a folder, as far as the folder says; it is left as it is."""
    try:
        return (root / OWNER).read_text(encoding="ascii", errors="replace").strip() or None
    except FileNotFoundError:
        return None


def _make_root(root: Path, scratch: Path) -> None:
    new = [folder for folder in root.parents if not folder.exists()]
    scratch.mkdir(parents=True, exist_ok=True)
    for folder in (root, *new):
        # A folder of someone else's may be closed to us; who made it has to sync it.
        with contextlib.suppress(PermissionError):
            sync_folder(folder.parent)


def _plainly(work: Callable[[], T]) -> T:
    """Run, with the system's errors in the storage's words."""
    try:
        return work()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Missing("the file is not in storage") from error
    except OSError as error:
        raise StorageError(f"storage: {error.strerror or error}") from error


def _piece(left: int | None) -> int:
    return PIECE_BYTES if left is None else min(left, PIECE_BYTES)


def _open(path: Path, start: int, size: int) -> tuple[bytes, BinaryIO]:
    """A file opened at a place, and its first piece: one thread hop for a small file."""
    file = path.open("rb", buffering=0)
    try:
        file.seek(start)
        return file.read(size), file
    except BaseException:
        file.close()
        raise


def _link_once(path: Path, place: Path) -> None:
    """Give a file its final name, unless that name is taken."""
    try:
        os.link(path, place)
    except FileExistsError:
        raise StorageError(f"{place.name} is in storage already") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without links there is a moment between look and rename; names are random, so nobody meets in it.
        if place.exists():
            raise StorageError(f"{place.name} is in storage already") from None
        path.rename(place)


def _link_or_copy(place: Path, path: Path) -> None:
    try:
        os.link(place, path)
    except OSError as error:
        if error.errno not in {*_NO_LINKS, errno.EXDEV}:
            raise
        shutil.copyfile(place, path)


def _in_batches(keys: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == LISTED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
