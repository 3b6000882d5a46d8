"""The operator's acts on API keys: make one, say what it may spend and from where, revoke it."""

from typing import Any

import msgspec

from souk.accounts import keys as texts
from souk.accounts.networks import BadNetwork, canonical
from souk.operations.admin.acts import Acts, NoSuch, account_of, checked_name
from souk.operations.types import Reason, Refusal
from souk.store import keys
from souk.store.database import Connection
from souk.store.keys import KeyRow, NewKey
from souk.words import Credits, JsonObject, KeyId, Mode, Scope, credits_to_number


class KeyRules(msgspec.Struct, frozen=True):
    """What a key may spend, and from where it may be used. A cap of None is no cap; no address is any."""

    cap_hourly: Credits | None = None
    cap_daily: Credits | None = None
    cap_total: Credits | None = None
    allow_ips: tuple[str, ...] = ()


class MadeKey(msgspec.Struct, frozen=True):
    """A new key. Its text can be read here and never again."""

    row: KeyRow
    text: str

    def __repr__(self) -> str:
        return f"MadeKey({self.row.hint})"


class KeyRing:
    """Acts on API keys."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def create(
        self, account: str, name: str, *, mode: Mode, scope: Scope, rules: KeyRules | None = None
    ) -> MadeKey:
        """A new key of an account. Raises NoSuch, or Refusal for rules that cannot be."""
        checked_name(name, "key")
        rules = _checked(rules or KeyRules())
        text = texts.make_key(mode)

        def act(connection: Connection) -> MadeKey:
            new = NewKey(
                account_id=account_of(connection, account).id,
                name=name,
                hash=texts.hash_of(text),
                hint=texts.hint_of(text),
                scope=scope,
                mode=mode,
                cap_hourly=rules.cap_hourly,
                cap_daily=rules.cap_daily,
                cap_total=rules.cap_total,
                allow_ips=list(rules.allow_ips),
            )
            key_id = keys.insert_key(connection, new, self._acts.now())
            if key_id is None:
                raise Refusal(Reason.CONFLICT, "this key exists already")
            detail = {"account": account, "name": name, "mode": mode, "scope": scope, **_shown(rules)}
            self._acts.record(connection, "key.create", _subject(key_id, new.hint), detail)
            return MadeKey(_key(connection, key_id), text)

        return await self._acts.do(act)

    async def list(self, account: str) -> list[KeyRow]:
        """An account's keys, oldest first, revoked ones too. Raises NoSuch."""
        return await self._acts.read(
            lambda connection: keys.keys_of(connection, account_of(connection, account).id)
        )

    async def get(self, key_id: KeyId) -> KeyRow:
        """One key. Raises NoSuch."""
        return await self._acts.read(lambda connection: _key(connection, key_id))

    async def revoke(self, key_id: KeyId, revoked: bool = True) -> KeyRow:
        """Make a key useless, or valid again. Counts in every process within two seconds."""

        def act(connection: Connection) -> KeyRow:
            row = _key(connection, key_id)
            keys.set_key_disabled(connection, key_id, revoked)
            action = "key.revoke" if revoked else "key.restore"
            self._acts.record(connection, action, _subject(key_id, row.hint))
            return _key(connection, key_id)

        return await self._acts.do(act)

    async def rule(self, key_id: KeyId, change: dict[str, Any]) -> KeyRow:
        """Change the rules that are named (fields of :class:`KeyRules`); None takes a cap away."""

        def act(connection: Connection) -> KeyRow:
            row = _key(connection, key_id)
            now = {"cap_hourly": row.cap_hourly, "cap_daily": row.cap_daily, "cap_total": row.cap_total}
            rules = _checked(msgspec.convert({**now, "allow_ips": row.allow_ips, **change}, KeyRules))
            keys.set_caps(
                connection,
                key_id,
                cap_hourly=rules.cap_hourly,
                cap_daily=rules.cap_daily,
                cap_total=rules.cap_total,
                allow_ips=list(rules.allow_ips),
            )
            self._acts.record(connection, "key.rules", _subject(key_id, row.hint), _shown(rules))
            return _key(connection, key_id)

        return await self._acts.do(act)


def _key(connection: Connection, key_id: KeyId) -> KeyRow:
    row = keys.key_by_id(connection, key_id)
    if row is None:
        raise NoSuch(f"there is no key {key_id}; `souk keys list` shows them")
    return row


def _subject(key_id: KeyId, hint: str) -> str:
    return f"key {key_id} ({hint})"


def _checked(rules: KeyRules) -> KeyRules:
    """The rules with addresses in their one spelling. Raises Refusal."""
    for field in ("cap_hourly", "cap_daily", "cap_total"):
        if (getattr(rules, field) or 0) < 0:
            raise Refusal(Reason.INVALID_INPUT, f"{field} must be 0 or more credits", field=field)
    try:
        return msgspec.structs.replace(rules, allow_ips=tuple(map(canonical, rules.allow_ips)))
    except BadNetwork as error:
        raise Refusal(Reason.INVALID_INPUT, str(error), field="allow_ips") from None


def _shown(rules: KeyRules) -> JsonObject:
    """The rules as people read them: credits with two decimals."""
    shown: JsonObject = {}
    for field in ("cap_hourly", "cap_daily", "cap_total"):
        value = getattr(rules, field)
        shown[field] = None if value is None else credits_to_number(value)
    return {**shown, "allow_ips": list(rules.allow_ips)}
