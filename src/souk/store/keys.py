"""API keys: their rows and statements, but for what is spent (see :mod:`souk.accounts.caps`).

Set-up and the operator's acts change them; each request reads its key through a short cache.
"""

import json
from typing import Any

import msgspec

from souk.store.database import Connection, Row
from souk.store.statement import Statement
from souk.words import AccountId, KeyId, Millis, Mode, Scope


class KeyRow(msgspec.Struct, frozen=True):
    """One API key, without its text. Caps and amounts spent are units of 0.0001 credit; None is no cap."""

    id: KeyId
    account_id: AccountId
    name: str
    hint: str
    scope: Scope
    mode: Mode
    disabled: bool
    cap_hourly: int | None
    cap_daily: int | None
    cap_total: int | None
    allow_ips: list[str]
    """Addresses and networks it may be used from; empty = any."""
    hour: int
    hour_spent: int
    day: int
    day_spent: int
    total_spent: int
    created_at: Millis


class NewKey(msgspec.Struct, frozen=True):
    """A key to be stored."""

    account_id: AccountId
    name: str
    hash: str
    hint: str
    scope: Scope
    mode: Mode
    cap_hourly: int | None = None
    cap_daily: int | None = None
    cap_total: int | None = None
    allow_ips: list[str] = []


class IdentityRow(msgspec.Struct, frozen=True):
    """What a request needs to know about its key."""

    key_id: KeyId
    key: str
    mode: Mode
    scope: Scope
    allow_ips: list[str]
    key_disabled: bool
    account_id: AccountId
    account: str
    segment: str
    account_disabled: bool
    max_waiting: int | None
    rate_creates: int | None


_SELECT = f"SELECT {', '.join(KeyRow.__struct_fields__)} FROM keys "  # noqa: S608 - constant column names
_OF_ACCOUNT = Statement(_SELECT + "WHERE account_id = :account_id ORDER BY id")
_BY_ID = Statement(_SELECT + "WHERE id = :id")
_BY_HASH = Statement(_SELECT + "WHERE hash = :hash")


def _key(row: Row) -> KeyRow:
    values: dict[str, Any] = dict(zip(KeyRow.__struct_fields__, row, strict=True))
    values |= {"scope": Scope(values["scope"]), "mode": Mode(values["mode"])}
    values |= {"disabled": bool(values["disabled"]), "allow_ips": json.loads(values["allow_ips"])}
    return KeyRow(**values)


def keys_of(connection: Connection, account_id: AccountId) -> list[KeyRow]:
    """An account's keys, oldest first, revoked ones too."""
    return [_key(row) for row in connection.run(_OF_ACCOUNT, {"account_id": account_id})]


def key_by_id(connection: Connection, key_id: KeyId) -> KeyRow | None:
    rows = connection.run(_BY_ID, {"id": key_id})
    return _key(rows[0]) if rows else None


def key_by_hash(connection: Connection, hashed: str) -> KeyRow | None:
    rows = connection.run(_BY_HASH, {"hash": hashed})
    return _key(rows[0]) if rows else None


_IDENTITY = Statement(
    "SELECT k.id, k.name, k.mode, k.scope, k.allow_ips, k.disabled, "
    "a.id, a.name, a.segment, a.disabled, a.max_waiting, a.rate_creates "
    "FROM keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = :hash"
)


def identity(connection: Connection, hashed: str) -> IdentityRow | None:
    """The key with this hash, and its account."""
    rows = connection.run(_IDENTITY, {"hash": hashed})
    if not rows:
        return None
    values: dict[str, Any] = dict(zip(IdentityRow.__struct_fields__, rows[0], strict=True))
    values |= {"scope": Scope(values["scope"]), "mode": Mode(values["mode"])}
    values |= {"allow_ips": json.loads(values["allow_ips"]), "key_disabled": bool(values["key_disabled"])}
    values |= {"account_disabled": bool(values["account_disabled"])}
    return IdentityRow(**values)


_INSERT = Statement(
    "INSERT INTO keys (account_id, name, hash, hint, scope, mode, cap_hourly, cap_daily, cap_total, "
    "allow_ips, created_at) VALUES (:account_id, :name, :hash, :hint, :scope, :mode, :cap_hourly, "
    ":cap_daily, :cap_total, :allow_ips, :now) ON CONFLICT (hash) DO NOTHING RETURNING id"
)
_SET_DISABLED = Statement("UPDATE keys SET disabled = :disabled WHERE id = :id")
_SET_CAPS = Statement(
    "UPDATE keys SET cap_hourly = :cap_hourly, cap_daily = :cap_daily, cap_total = :cap_total, "
    "allow_ips = :allow_ips WHERE id = :id"
)


def insert_key(connection: Connection, new: NewKey, now: Millis) -> KeyId | None:
    """Store a key. None if the same text is a key already."""
    params = {**msgspec.to_builtins(new), "allow_ips": json.dumps(new.allow_ips), "now": now}
    rows = connection.run(_INSERT, params)
    return KeyId(rows[0][0]) if rows else None


def set_key_disabled(connection: Connection, key_id: KeyId, disabled: bool) -> None:
    connection.run(_SET_DISABLED, {"id": key_id, "disabled": int(disabled)})


def set_caps(
    connection: Connection,
    key_id: KeyId,
    *,
    cap_hourly: int | None,
    cap_daily: int | None,
    cap_total: int | None,
    allow_ips: list[str],
) -> None:
    params = {"cap_hourly": cap_hourly, "cap_daily": cap_daily, "cap_total": cap_total}
    connection.run(_SET_CAPS, {"id": key_id, **params, "allow_ips": json.dumps(allow_ips)})
