"""Storage in a bucket: each file is one object under its key. The service makes it durable before it answers.

Speaks to the service through obstore, whose retries cover lost connections and a busy service
(https://developmentseed.org/obstore/). What they do not cover is told as :class:`Unreachable`.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter, time_ns
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError

from souk.assets.bucket.client import PARTS_AT_ONCE, Patience, opened
from souk.assets.bucket.failures import lacks_conditions, plainly
from souk.assets.bucket.place import Bucket
from souk.assets.bucket.signing import signed_address
from souk.assets.scratch import Scratch
from souk.assets.storage import BadKey, Missing, StorageError, StorageStats, Unreachable, check_key
from souk.words import Millis

if TYPE_CHECKING:
    from obstore import GetOptions

PIECE_BYTES = 256 * 1024
PART_BYTES = 8 << 20
"""A larger file is put in parts of this size; a service takes 10,000 of at least 5 MiB."""
SMALL_BYTES = 1 << 20
SMALL_AT_ONCE = 64
LARGE_AT_ONCE = 6
"""Puts at once of files that are not small; each holds at most two parts in memory."""
LISTED_AT_ONCE = 1000
DELETED_AT_ONCE = 1000
RESUMES = 3
"""How often reading goes on after the service broke off without sending anything new."""
RESUME_SECONDS = 0.2

# Objects of Souk's own. They are hidden, so no key can name them.
OWNER = ".installation"
"""Says whose files these are."""
CONDITIONS = ".conditions"
"""Exists so that a put under the condition that nothing is there must be refused."""
_MARK = "souk-put"
"""Metadata that tells our own put, whose answer was lost, from somebody else's."""

Count = Callable[[str, str, float], None]
"""Told of each call: its name, how it went (``ok``, ``missing``, ``unreachable``, ``refused``), its seconds."""


def _uncounted(call: str, outcome: str, seconds: float) -> None:
    pass


class BucketStorage:
    """Files as objects below a bucket's prefix. Any number of processes on any machines may share it."""

    def __init__(
        self,
        bucket: Bucket,
        scratch: Path,
        *,
        patience: Patience | None = None,
        count: Count = _uncounted,
    ) -> None:
        self.bucket = bucket
        self._store = opened(bucket, patience or Patience())
        self._scratch = Scratch(scratch)
        self._count = count
        self._small = asyncio.Semaphore(SMALL_AT_ONCE)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._asking = asyncio.Lock()
        self._conditional: bool | None = None
        self._puts = self._put_bytes = self._deletes = 0
        try:
            scratch.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the folder {scratch}: {error.strerror}") from error

    async def scratch(self) -> Path:
        """See :meth:`souk.assets.storage.Storage.scratch`."""
        return self._scratch.place()

    async def put_file(self, path: Path, key: str) -> None:
        """See :meth:`souk.assets.storage.Storage.put_file`. A large file goes in parts, a few at a time."""
        check_key(key)
        size = await asyncio.to_thread(_size, path)
        async with self._small if size <= SMALL_BYTES else self._large:
            conditional = await self._honours_conditions()
            if size <= PART_BYTES and conditional:
                await self._put_new(key, await asyncio.to_thread(path.read_bytes))
            else:
                await self._put_unseen(key, path, size)
        self._puts += 1
        self._put_bytes += size
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def open_range(self, key: str, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes]:
        """See :meth:`souk.assets.storage.Storage.open_range`. Goes on where a broken answer ended."""
        check_key(key)
        sent = idle = 0
        while length is None or sent < length:
            try:
                left = None if length is None else length - sent
                async for piece in self._pieces(key, start + sent, left):
                    sent, idle = sent + len(piece), 0
                    yield piece
            except Unreachable:
                idle += 1
                # Where nothing came, the client's own retries have been spent already.
                if not sent or idle > RESUMES:
                    raise
                await asyncio.sleep(RESUME_SECONDS * idle)
            else:
                return

    async def copy_to(self, key: str, path: Path) -> None:
        """See :meth:`souk.assets.storage.Storage.copy_to`."""
        async with contextlib.aclosing(self.open_range(key)) as pieces:
            first = await anext(pieces, b"")
            file = await asyncio.to_thread(path.open, "xb")
            try:
                await asyncio.to_thread(file.write, first)
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece)
            except BaseException:
                await asyncio.to_thread(path.unlink, missing_ok=True)
                raise
            finally:
                file.close()

    async def exists(self, key: str) -> bool:
        """See :meth:`souk.assets.storage.Storage.exists`."""
        try:
            async with self._call("head"):
                await obstore.head_async(self._store, check_key(key))
        except Missing:
            return False
        return True

    async def put_at(self, key: str) -> Millis:
        """When a file was put, by the service's clock. Raises StorageError."""
        async with self._call("head"):
            found = await obstore.head_async(self._store, check_key(key))
        return Millis(int(found["last_modified"].timestamp() * 1000))

    async def delete(self, keys: Iterable[str]) -> None:
        """See :meth:`souk.assets.storage.Storage.delete`."""
        left = [check_key(key) for key in keys]
        while left:
            batch, left = left[:DELETED_AT_ONCE], left[DELETED_AT_ONCE:]
            # Services differ in whether a file that is gone is an error.
            with contextlib.suppress(Missing):
                async with self._call("delete"):
                    await obstore.delete_async(self._store, batch)
            self._deletes += len(batch)

    async def list_older_than(self, moment: Millis) -> AsyncGenerator[list[str]]:
        """See :meth:`souk.assets.storage.Storage.list_older_than`. Objects that carry no key are not listed."""
        # The types of its other form come from a library that nothing here needs.
        pages = self._store.list(chunk_size=LISTED_AT_ONCE)  # pyright: ignore[reportUnknownMemberType]
        while True:
            async with self._call("list"):
                page = await anext(pages, None)
            if page is None:
                return
            before = [item["path"] for item in page if item["last_modified"].timestamp() * 1000 < moment]
            if keys := [key for key in before if _is_key(key)]:
                yield keys

    async def clear_scratch(self, moment: Millis) -> int:
        """See :meth:`souk.assets.storage.Storage.clear_scratch`."""
        return await asyncio.to_thread(self._scratch.clear, moment)

    async def owner(self) -> str | None:
        """See :meth:`souk.assets.storage.Storage.owner`."""
        try:
            async with self._call("get"):
                answer = await obstore.get_async(self._store, OWNER)
                text = bytes(await answer.bytes_async())
        except Missing:
            return None
        return text.decode("ascii", "replace").strip() or None

    async def claim(self, installation: str) -> None:
        """See :meth:`souk.assets.storage.Storage.claim`."""
        async with self._call("put"):
            await obstore.put_async(self._store, OWNER, f"{installation}\n".encode())

    def direct_link(self, key: str, seconds: int, answer: Mapping[str, str]) -> str | None:
        """See :meth:`souk.assets.storage.Storage.direct_link`. None without keys of one's own to sign with."""
        keys = self.bucket.keys
        if keys is None:
            return None
        now = Millis(time_ns() // 1_000_000)
        return signed_address(self.bucket, keys, check_key(key), seconds, now, answer)

    async def stats(self) -> StorageStats:
        """See :meth:`souk.assets.storage.Storage.stats`."""
        return StorageStats(self._puts, self._put_bytes, self._deletes, free_bytes=None)

    async def close(self) -> None:
        """Nothing is held open between calls that the client does not close itself."""

    @contextlib.asynccontextmanager
    async def _call(self, name: str) -> AsyncGenerator[None]:
        """One call of the service: counted, its errors in the storage's words."""
        started, outcome = perf_counter(), "ok"
        try:
            yield
        except (BaseError, OSError) as error:
            told = plainly(error, self.bucket)
            outcome = _outcome(told)
            raise told from None
        finally:
            self._count(name, outcome, perf_counter() - started)

    async def _pieces(self, key: str, start: int, length: int | None) -> AsyncGenerator[bytes]:
        wanted: GetOptions = {"range": {"offset": start} if length is None else (start, start + length)}
        async with self._call("get"):
            answer = await obstore.get_async(self._store, key, options=wanted)
        try:
            async for piece in answer.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)
        except (BaseError, OSError) as error:
            raise plainly(error, self.bucket) from None

    async def _put_new(self, key: str, data: bytes) -> None:
        """Put an object that must not be there yet."""
        mark = secrets.token_hex(8)
        async with self._call("put"):
            try:
                await obstore.put_async(
                    self._store, key, data, mode="create", attributes={_MARK: mark}, use_multipart=False
                )
            except AlreadyExistsError:
                found = await obstore.get_async(self._store, key, options={"head": True})
                if found.attributes.get(_MARK) != mark:
                    raise _taken(key) from None

    async def _put_unseen(self, key: str, path: Path, size: int) -> None:
        """Put an object after a look that none is there. Names are random, so nobody meets in between."""
        if await self.exists(key):
            raise _taken(key)
        async with self._call("put" if size <= PART_BYTES else "put_parts"):
            await obstore.put_async(
                self._store,
                key,
                path,
                use_multipart=size > PART_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    async def _honours_conditions(self) -> bool:
        """Whether the service refuses to overwrite when asked so; some pass the condition over in silence."""
        if self._conditional is None:
            async with self._asking:
                if self._conditional is None:
                    self._conditional = await self._refuses_second() or await self._refuses_second()
        return self._conditional

    async def _refuses_second(self) -> bool:
        async with self._call("put"):
            try:
                await obstore.put_async(self._store, CONDITIONS, b"souk\n", mode="create")
            except AlreadyExistsError:
                return True
            except BaseError as error:
                if isinstance(error, NotSupportedError) or lacks_conditions(error):
                    return False
                raise
        return False


def _taken(key: str) -> StorageError:
    return StorageError(f"{key.rpartition('/')[2]} is in storage already")


def _outcome(error: StorageError) -> str:
    if isinstance(error, Missing):
        return "missing"
    return "unreachable" if isinstance(error, Unreachable) else "refused"


def _size(path: Path) -> int:
    if not path.is_file():
        raise StorageError(f"{path.name} is not a file")
    return path.stat().st_size


def _is_key(text: str) -> bool:
    try:
        return bool(check_key(text))
    except BadKey:
        return False
