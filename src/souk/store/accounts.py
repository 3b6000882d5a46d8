"""Accounts, their balances, the audit record and facts about the installation: rows and statements.

Set-up and the operator's acts change them, one row at a time.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from souk.store.database import Connection, Row
from souk.store.statement import Statement, rows_json
from souk.words import AccountId, JsonObject, Millis, Mode


class AccountRow(msgspec.Struct, frozen=True):
    """One account. A limit of None means the setting's, 0 means none."""

    id: AccountId
    name: str
    segment: str
    """The random part of the account's file links."""
    webhook_keys: str
    """Encrypted; see :mod:`souk.accounts.webhook_keys`."""
    disabled: bool
    concurrency: int | None
    max_waiting: int | None
    rate_creates: int | None
    created_at: Millis


class BalanceRow(msgspec.Struct, frozen=True):
    """Credits of one account in one mode, in units of 0.0001 credit."""

    account_id: AccountId
    mode: Mode
    available: int
    held: int
    unfinished: int


class AuditRow(msgspec.Struct, frozen=True):
    """One act of an operator."""

    id: int
    at: Millis
    actor: str
    action: str
    subject: str
    detail: JsonObject


_ACCOUNT = ", ".join(AccountRow.__struct_fields__)
_SELECT = f"SELECT {_ACCOUNT} FROM accounts "  # noqa: S608 - constant column names
_ALL = Statement(_SELECT + "ORDER BY id")
_ALL_LOCKED = Statement(_SELECT + "ORDER BY id {for_update}")
_FIRST = Statement(_SELECT + "ORDER BY id LIMIT 1")
_BY_NAME = Statement(_SELECT + "WHERE name = :name")
_BY_ID = Statement(_SELECT + "WHERE id = :id")
_LOCKED = Statement(_SELECT + "WHERE id = :id {for_update}")


def _account(row: Row) -> AccountRow:
    values: dict[str, Any] = dict(zip(AccountRow.__struct_fields__, row, strict=True))
    values["disabled"] = bool(values["disabled"])
    return AccountRow(**values)


def all_accounts(connection: Connection, *, lock: bool = False) -> list[AccountRow]:
    """Every account, oldest first; ``lock`` keeps their rows until the transaction ends."""
    return [_account(row) for row in connection.run(_ALL_LOCKED if lock else _ALL)]


def first_account(connection: Connection) -> AccountRow | None:
    """The account that was made at the first start; None in an empty database."""
    rows = connection.run(_FIRST)
    return _account(rows[0]) if rows else None


def account_named(connection: Connection, name: str) -> AccountRow | None:
    """The account of this name."""
    rows = connection.run(_BY_NAME, {"name": name})
    return _account(rows[0]) if rows else None


def account(connection: Connection, account_id: AccountId, *, lock: bool = False) -> AccountRow | None:
    """One account; ``lock`` keeps its row until the transaction ends."""
    rows = connection.run(_LOCKED if lock else _BY_ID, {"id": account_id})
    return _account(rows[0]) if rows else None


# Names are unique, so two processes that start at once cannot both make the first account.
_INSERT = Statement(
    "INSERT INTO accounts (name, segment, webhook_keys, created_at) "  # noqa: S608 - constant column names
    f"VALUES (:name, :segment, :webhook_keys, :now) ON CONFLICT DO NOTHING RETURNING {_ACCOUNT}"
)
_ZERO_BALANCE = Statement(
    "INSERT INTO balances (account_id, mode) VALUES (:account_id, :mode) ON CONFLICT DO NOTHING"
)


def insert_account(
    connection: Connection, name: str, segment: str, webhook_keys: str, now: Millis
) -> AccountRow | None:
    """Add an account with a balance of zero in each mode. None if the name is taken."""
    params = {"name": name, "segment": segment, "webhook_keys": webhook_keys, "now": now}
    rows = connection.run(_INSERT, params)
    if not rows:
        return None
    for mode in Mode:
        connection.run(_ZERO_BALANCE, {"account_id": rows[0][0], "mode": mode.value})
    return _account(rows[0])


_SET_WEBHOOK_KEYS = Statement("UPDATE accounts SET webhook_keys = :webhook_keys WHERE id = :id")
_RESEAL = Statement(
    "UPDATE accounts SET webhook_keys = sealed.webhook_keys FROM {rows:sealed(id bigint, webhook_keys text)} "
    "WHERE accounts.id = sealed.id"
)
_SET_DISABLED = Statement("UPDATE accounts SET disabled = :disabled WHERE id = :id")
_SET_LIMITS = Statement(
    "UPDATE accounts SET concurrency = :concurrency, max_waiting = :max_waiting, "
    "rate_creates = :rate_creates WHERE id = :id"
)


def set_webhook_keys(connection: Connection, account_id: AccountId, encrypted: str) -> None:
    connection.run(_SET_WEBHOOK_KEYS, {"id": account_id, "webhook_keys": encrypted})


def reseal_webhook_keys(connection: Connection, encrypted: Mapping[AccountId, str]) -> None:
    """Put other texts in the place of these accounts' encrypted keys."""
    rows = ({"id": id, "webhook_keys": text} for id, text in encrypted.items())
    connection.run(_RESEAL, {"sealed": rows_json(rows)})


def set_account_disabled(connection: Connection, account_id: AccountId, disabled: bool) -> None:
    connection.run(_SET_DISABLED, {"id": account_id, "disabled": int(disabled)})


def set_limits(
    connection: Connection,
    account_id: AccountId,
    *,
    concurrency: int | None,
    max_waiting: int | None,
    rate_creates: int | None,
) -> None:
    params = {"concurrency": concurrency, "max_waiting": max_waiting, "rate_creates": rate_creates}
    connection.run(_SET_LIMITS, {"id": account_id, **params})


_BALANCES = Statement(
    "SELECT account_id, mode, available, held, unfinished FROM balances "
    "WHERE account_id = :account_id ORDER BY mode"
)


def balances_of(connection: Connection, account_id: AccountId) -> list[BalanceRow]:
    """An account's balances, live first, then sandbox."""
    rows = connection.run(_BALANCES, {"account_id": account_id})
    return [BalanceRow(row[0], Mode(row[1]), row[2], row[3], row[4]) for row in rows]


_RECORD = Statement(
    "INSERT INTO audit (at, actor, action, subject, detail) VALUES (:at, :actor, :action, :subject, :detail)"
)
_AUDIT = Statement("SELECT id, at, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT :limit")


def record_audit(
    connection: Connection, at: Millis, actor: str, action: str, subject: str, detail: JsonObject
) -> None:
    """Write down an operator's act, in the transaction that carries it out."""
    params = {"at": at, "actor": actor, "action": action, "subject": subject, "detail": json.dumps(detail)}
    connection.run(_RECORD, params)


def audit_entries(connection: Connection, limit: int) -> list[AuditRow]:
    """The latest acts, newest first."""
    rows = connection.run(_AUDIT, {"limit": limit})
    return [AuditRow(row[0], row[1], row[2], row[3], row[4], json.loads(row[5])) for row in rows]


_META = Statement("SELECT value FROM meta WHERE key = :key")
_LOCKED_META = Statement("SELECT value FROM meta WHERE key = :key {for_update}")
_SET_META = Statement(
    "INSERT INTO meta (key, value) VALUES (:key, :value) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_CLAIM_META = Statement("INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING")


def meta(connection: Connection, name: str, *, lock: bool = False) -> str | None:
    """A fact about this installation; ``lock`` keeps it as it is until the transaction ends."""
    rows = connection.run(_LOCKED_META if lock else _META, {"key": name})
    return str(rows[0][0]) if rows else None


def set_meta(connection: Connection, name: str, value: str) -> None:
    connection.run(_SET_META, {"key": name, "value": value})


INSTALLATION = "installation"
COPY_OF = "copy_of_installation"


def installation(connection: Connection) -> str | None:
    """The id of the installation this database is; None before its first start."""
    return meta(connection, INSTALLATION)


def copy_of(connection: Connection) -> str | None:
    """The installation this database was copied from; None if it is no copy."""
    return meta(connection, COPY_OF)


def become_installation(connection: Connection, id: str) -> None:
    """Make a copy of another installation's database one of its own."""
    set_meta(connection, COPY_OF, installation(connection) or "")
    set_meta(connection, INSTALLATION, id)


def claim_meta(connection: Connection, name: str, value: str) -> None:
    """Record a fact unless it is recorded already."""
    connection.run(_CLAIM_META, {"key": name, "value": value})
