"""Bringing results in: a provider's output becomes a stored, synced and measured file, before ``success``.

The row that comes back is inserted by the engine in the transaction that finishes the task. If that never
comes, the bytes are an orphan and the sweep removes them.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from souk.assets.facts import Facts, facts_in, facts_of
from souk.assets.measure import Measured
from souk.assets.small import SMALL_BYTES, TakesBytes
from souk.assets.sniff import canonical, extension_of
from souk.assets.storage import Storage, StorageError, Unreachable
from souk.clock import Clock
from souk.ids import RandomBits, new_id
from souk.net.http import Blocked, Http, NetError, TooLarge
from souk.providers.base import OutputFile
from souk.store import accounts
from souk.store.assets import AssetRow, path_of
from souk.store.reads import Reads
from souk.words import AccountId, AssetId, Millis, TaskId

UNKNOWN_TYPE = "application/octet-stream"
_MEDIA = ("image/", "video/", "audio/")
_WORDS = frozenset({"text/html", "text/plain", "application/json", "application/xml"})
"""What error answers are written in; no file of a media type looks like this."""
LONGEST_LABEL = 40
_UNPLAIN = re.compile(r"[^A-Za-z0-9]+")


class IngestFailed(Exception):
    """An output could not be brought in. ``retryable``: asking the upstream for it again may help.

    ``away``: nothing is wrong with the output, the storage just cannot take it right now.
    """

    def __init__(self, message: str, *, retryable: bool = True, away: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.away = away


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What one output may take, and how long it is kept."""

    max_bytes: int
    download_seconds: float
    keep_ms: int


@dataclass(frozen=True, slots=True)
class _Brought:
    """What is known of bytes as they come."""

    data: bytes | None = None
    """The bytes, if they are not on the disk."""
    declared: str = ""
    """The type the server told, if a server did."""
    sha256: str = ""
    """Their hash, where it was taken on the way."""


class Ingest:
    """Copies outputs into storage. One per process; safe for many tasks at once."""

    def __init__(
        self,
        storage: Storage,
        http: Http,
        reads: Reads,
        clock: Clock,
        random: RandomBits,
        limits: IngestLimits,
    ) -> None:
        self._storage = storage
        # Looked at once: whether an object has a protocol's methods takes Python as long as hashing the file.
        self._takes_bytes = storage if isinstance(storage, TakesBytes) else None
        self._http = http
        self._reads = reads
        self._clock = clock
        self._random = random
        self._limits = limits
        self._segments: dict[int, str] = {}

    async def from_output(
        self,
        output: OutputFile,
        *,
        account_id: int,
        task_id: TaskId,
        number: int,
        headers: Mapping[str, str] | None = None,
        trusted: bool = False,
    ) -> AssetRow:
        """Store one file of a result and describe it. A ``path`` output is used up, unless this fails.

        ``number`` is the file's place in the result. ``headers`` and ``trusted`` are for the download: a key,
        and an address the operator configured. The row must be inserted within an hour. Raises IngestFailed.
        """
        scratch = output.path or await self._storage.scratch()
        data: bytes | None = None
        try:
            brought = await self._bring(output, scratch, headers, trusted)
            expected, data = canonical(output.media_type), brought.data
            if data is not None:
                facts = facts_in(data, declared=expected, sha256=brought.sha256)
            else:
                facts = await asyncio.to_thread(facts_of, scratch, declared=expected, sha256=brought.sha256)
            media_type = _settle(facts, expected, brought.declared)
            asset_id = AssetId(new_id(self._clock.now(), self._random))
            ending = f"{_tail(output.label)}.{extension_of(media_type)}"
            path = path_of(await self._segment(account_id), asset_id, ending)
            if data is not None and self._takes_bytes is not None:
                await self._takes_bytes.put_bytes(data, path)
            else:
                await self._storage.put_file(scratch, path)
        except (StorageError, OSError) as error:
            away = isinstance(error, Unreachable)
            raise IngestFailed(f"the file could not be stored: {error}", away=away) from error
        finally:
            if output.path is None and data is None:
                await asyncio.to_thread(scratch.unlink, missing_ok=True)
        now = self._clock.now()
        return AssetRow(
            id=asset_id,
            account_id=account_id,
            task_id=task_id,
            kind="result",
            number=number,
            path=path,
            name="",
            media_type=media_type,
            size=facts.size,
            sha256=facts.sha256,
            width=facts.measured.width,
            height=facts.measured.height,
            seconds_ms=_millis(facts.measured.seconds),
            created_at=now,
            expires_at=Millis(now + self._limits.keep_ms),
        )

    async def _segment(self, account_id: int) -> str:
        """The account's part of file links; it never changes."""
        if account_id not in self._segments:
            found = await self._reads.run(partial(accounts.account, account_id=AccountId(account_id)))
            if found is None:
                raise IngestFailed("the task's account no longer exists", retryable=False)
            self._segments[account_id] = found.segment
        return self._segments[account_id]

    async def _bring(
        self, output: OutputFile, scratch: Path, headers: Mapping[str, str] | None, trusted: bool
    ) -> _Brought:
        """Get the bytes to ``scratch``, or in hand where they are few and the storage takes them so."""
        if output.path is not None:
            return _Brought()
        small = SMALL_BYTES if self._takes_bytes is not None else 0
        if output.data is not None:
            if len(output.data) <= small:
                return _Brought(output.data)
            await asyncio.to_thread(scratch.write_bytes, output.data)
            return _Brought()
        try:
            download = await self._http.download(
                output.url,
                scratch,
                headers=headers,
                timeout=self._limits.download_seconds,
                max_bytes=self._limits.max_bytes,
                trusted=trusted,
                small=small,
            )
        except (Blocked, TooLarge) as error:
            raise IngestFailed(str(error), retryable=False) from error
        except NetError as error:
            raise IngestFailed(str(error)) from error
        promised = download.headers.get("content-length", "")
        encoded = download.headers.get("content-encoding", "identity") != "identity"
        if promised.isdigit() and not encoded and download.size < int(promised):
            raise IngestFailed(f"the file broke off after {download.size} of {promised} bytes")
        return _Brought(download.data, canonical(download.media_type), download.sha256)


def _tail(label: str) -> str:
    """A label as the end of a file's name, in letters that need no quoting in a link."""
    plain = _UNPLAIN.sub("_", label)[:LONGEST_LABEL].strip("_")
    return f"_{plain}" if plain else ""


def _settle(facts: Facts, expected: str, declared: str) -> str:
    """The type to store: what the bytes say, then what the provider said, then what the server said.

    Raises IngestFailed where the bytes are an error page or nothing.
    """
    if not facts.size:
        raise IngestFailed("the file is empty")
    sniffed = facts.sniffed
    if sniffed == "text/html" and expected != "text/html":
        raise IngestFailed("the address gave a web page, not a file")
    if sniffed in _WORDS and expected.startswith(_MEDIA):
        raise IngestFailed(f"expected {expected}, but the file is {sniffed}")
    claimed = expected or declared
    if sniffed is None:
        return claimed or UNKNOWN_TYPE
    if sniffed == "text/plain" and claimed.startswith("text/") and claimed != "text/html":
        return claimed
    return sound_alone(sniffed, facts.measured, claimed)


def sound_alone(sniffed: str, measured: Measured, claimed: str = "") -> str:
    """The type of a film container, made one of sound if it holds no picture."""
    if sniffed == "video/mp4" and measured.has_video is False:
        return "audio/mp4"
    if sniffed == "video/webm" and claimed == "audio/webm":
        return "audio/webm"
    return sniffed


def _millis(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
