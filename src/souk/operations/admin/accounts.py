"""The operator's acts on accounts: make one, limit it, close and open it."""

import msgspec

from souk.accounts import webhook_keys
from souk.accounts.bootstrap import new_segment
from souk.accounts.in_force import hold
from souk.accounts.secrets import SecretBox
from souk.operations.admin.acts import Acts, NoSuch, account_of, checked_name
from souk.operations.types import Reason, Refusal
from souk.store import accounts
from souk.store.accounts import AccountRow
from souk.store.database import Connection


class Limits(msgspec.Struct, frozen=True):
    """Limits of an account; None means the setting's, 0 means none."""

    concurrency: int | None = None
    max_waiting: int | None = None
    rate_creates: int | None = None


class Accounts:
    """Acts on accounts."""

    def __init__(self, acts: Acts, box: SecretBox) -> None:
        self._acts = acts
        self._box = box

    async def create(self, name: str) -> AccountRow:
        """A new account without keys or credits. Raises Refusal if the name is taken or unfit."""
        checked_name(name, "account")
        segment, keys = new_segment(), [webhook_keys.make_webhook_key()]

        def act(connection: Connection) -> AccountRow:
            hold(connection, self._box)
            sealed = webhook_keys.sealed(self._box, segment, keys)
            made = accounts.insert_account(connection, name, segment, sealed, self._acts.now())
            if made is None:
                raise Refusal(Reason.CONFLICT, f"there is already an account named {name}", field="name")
            self._acts.record(connection, "account.create", name)
            return made

        return await self._acts.do(act)

    async def list(self) -> list[AccountRow]:
        """Every account, oldest first."""
        return await self._acts.read(accounts.all_accounts)

    async def get(self, name: str) -> AccountRow:
        """One account. Raises NoSuch."""
        return await self._acts.read(lambda connection: account_of(connection, name))

    async def first(self) -> AccountRow:
        """The account of the first start. Raises NoSuch."""
        row = await self._acts.read(accounts.first_account)
        if row is None:
            raise NoSuch("there is no account yet; `souk serve` makes the first one")
        return row

    async def limit(self, name: str, change: dict[str, int | None]) -> AccountRow:
        """Change the limits that are named (fields of :class:`Limits`); None goes back to the setting."""
        for field, value in change.items():
            if value is not None and value < 0:
                raise Refusal(Reason.INVALID_INPUT, f"{field} must be 0 (no limit) or more", field=field)

        def act(connection: Connection) -> AccountRow:
            row = account_of(connection, name)
            before = Limits(row.concurrency, row.max_waiting, row.rate_creates)
            limits = msgspec.structs.replace(before, **change)
            accounts.set_limits(connection, row.id, **msgspec.to_builtins(limits))
            self._acts.record(connection, "account.limits", name, dict(change))
            return account_of(connection, name)

        return await self._acts.do(act)

    async def disable(self, name: str, disabled: bool = True) -> AccountRow:
        """Close an account to requests, or open it again. What it already started runs on."""

        def act(connection: Connection) -> AccountRow:
            row = account_of(connection, name)
            accounts.set_account_disabled(connection, row.id, disabled)
            self._acts.record(connection, "account.disable" if disabled else "account.enable", name)
            return account_of(connection, name)

        return await self._acts.do(act)
