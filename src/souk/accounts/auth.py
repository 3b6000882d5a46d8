"""Who is calling: from the key a request carries to its account, through a cache of one second."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from souk.accounts.keys import LONGEST
from souk.accounts.networks import Network, contains, networks
from souk.clock import Clock
from souk.store.keys import IdentityRow, identity
from souk.store.reads import Reads
from souk.words import AccountId, KeyId, Mode, Scope

CACHE_SECONDS = 1.0
"""A revoked key stops, and a new one works, in every process within this time."""
MOST_CACHED = 10_000
"""Keys remembered at once, unknown ones too; past it the older half is forgotten."""
MOST_ADDRESSES = 256
"""Callers' addresses remembered per key."""


class DeniedReason(StrEnum):
    NO_KEY = "no_key"
    UNKNOWN_KEY = "unknown_key"
    KEY_DISABLED = "key_disabled"
    ACCOUNT_DISABLED = "account_disabled"
    ADDRESS = "address"


class Denied(Exception):
    """The key does not open anything. The message is for the person who sent it."""

    def __init__(self, reason: DeniedReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Identity:
    """The account and key behind a request."""

    account_id: AccountId
    account: str
    segment: str
    """The random part of the account's file links."""
    max_waiting: int | None
    """Unfinished tasks the account may have; None = the setting."""
    rate_creates: int | None
    """Creates the account may make per window; None = the setting."""
    key_id: KeyId
    key: str
    mode: Mode
    scope: Scope


class _Entry:
    """What was read for one key text, and for whom it holds."""

    __slots__ = ("addresses", "identity", "networks", "read_at", "refusal")

    def __init__(self, row: IdentityRow | None, read_at: float) -> None:
        self.read_at = read_at
        self.refusal = _refusal(row)
        self.identity = _identity(row) if row else None
        self.networks: tuple[Network, ...] = networks(row.allow_ips) if row else ()
        self.addresses: dict[str, bool] = {}

    def answer(self, ip: str) -> Identity:
        if self.refusal is not None or self.identity is None:
            reason, message = self.refusal or _UNKNOWN
            raise Denied(reason, message)
        if self.networks and not self._allows(ip):
            raise Denied(
                DeniedReason.ADDRESS,
                "This key may not be used from your address; ask for it to be put on the key's allowlist",
            )
        return self.identity

    def _allows(self, ip: str) -> bool:
        allowed = self.addresses.get(ip)
        if allowed is None:
            if len(self.addresses) >= MOST_ADDRESSES:
                self.addresses.clear()
            allowed = self.addresses[ip] = contains(self.networks, ip)
        return allowed


_UNKNOWN = (DeniedReason.UNKNOWN_KEY, "This API key does not exist; check it for missing characters")


def _refusal(row: IdentityRow | None) -> tuple[DeniedReason, str] | None:
    if row is None:
        return _UNKNOWN
    if row.key_disabled:
        return DeniedReason.KEY_DISABLED, "This API key was revoked; use another one"
    if row.account_disabled:
        return DeniedReason.ACCOUNT_DISABLED, "The account of this API key is disabled"
    return None


def _identity(row: IdentityRow) -> Identity:
    return Identity(
        account_id=row.account_id,
        account=row.account,
        segment=row.segment,
        max_waiting=row.max_waiting,
        rate_creates=row.rate_creates,
        key_id=row.key_id,
        key=row.key,
        mode=row.mode,
        scope=row.scope,
    )


class Authenticator:
    """Answers who a key belongs to. Look-ups go by hash, so the time they take tells nothing about keys."""

    def __init__(self, reads: Reads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._entries: dict[bytes, _Entry] = {}
        self._reading: dict[bytes, asyncio.Task[_Entry]] = {}

    def forget(self) -> None:
        """Read every key anew."""
        self._entries.clear()

    async def identify(self, token: str, ip: str) -> Identity:
        """The identity behind a key, used from this address. Raises Denied."""
        digest = sha256(token.encode("utf-8", "replace")).digest()
        entry = self._entries.get(digest)
        if entry is None or self._clock.monotonic() - entry.read_at >= CACHE_SECONDS:
            if not token:
                raise Denied(
                    DeniedReason.NO_KEY, "No API key was found; send it as Authorization: Bearer <key>"
                )
            if len(token) > LONGEST:
                raise Denied(*_UNKNOWN)
            entry = await self._read(digest)
        return entry.answer(ip)

    async def _read(self, digest: bytes) -> _Entry:
        """Read a key once, however many requests wait for it."""
        task = self._reading.get(digest)
        if task is None:
            task = self._reading[digest] = asyncio.create_task(self._fetch(digest))
            task.add_done_callback(lambda done: self._read_ended(digest, done))
        # A caller who goes away must not take the answer from the others.
        return await asyncio.shield(task)

    def _read_ended(self, digest: bytes, task: "asyncio.Task[_Entry]") -> None:
        del self._reading[digest]
        if not task.cancelled():
            task.exception()  # seen, even if every caller has gone away

    async def _fetch(self, digest: bytes) -> _Entry:
        started = self._clock.monotonic()
        hashed = digest.hex()
        row = await self._reads.run(lambda connection: identity(connection, hashed))
        if len(self._entries) >= MOST_CACHED:
            for old in list(self._entries)[: MOST_CACHED // 2]:
                del self._entries[old]
        self._entries.pop(digest, None)  # so that the order of the table is the order of reading
        entry = self._entries[digest] = _Entry(row, started)
        return entry
