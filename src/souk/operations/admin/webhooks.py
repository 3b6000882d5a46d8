"""The operator's acts on webhook keys: show them, change one while receivers follow, replace lost ones."""

from souk.accounts import webhook_keys
from souk.accounts.in_force import adopt_newest, hold, reseal
from souk.accounts.secrets import SecretBox, SecretKeyError
from souk.accounts.webhook_keys import BadWebhookKey
from souk.operations.admin.acts import Acts, account_of
from souk.operations.types import Reason, Refusal
from souk.store import accounts
from souk.store.accounts import AccountRow
from souk.store.database import Connection


class Webhooks:
    """Acts on webhook keys."""

    def __init__(self, acts: Acts, box: SecretBox) -> None:
        self._acts = acts
        self._box = box

    async def keys(self, account: str) -> list[str]:
        """The keys an account's callbacks are signed with, newest first. Raises NoSuch, SecretKeyError."""
        row = await self._acts.read(lambda connection: account_of(connection, account))
        return webhook_keys.opened(self._box, row)

    async def rotate(self, account: str, key: str = "") -> list[str]:
        """Sign with a new key (made, unless given) and with the one before it, until :meth:`finish`."""
        new = _checked(key) if key else webhook_keys.make_webhook_key()

        def act(connection: Connection) -> list[str]:
            row = self._locked(connection, account)
            keys = webhook_keys.rotated(webhook_keys.opened(self._box, row), new)
            return self._store(connection, row, keys, "webhook.rotate")

        return await self._acts.do(act)

    async def finish(self, account: str) -> list[str]:
        """Sign with the newest key alone."""

        def act(connection: Connection) -> list[str]:
            row = self._locked(connection, account)
            keys = webhook_keys.opened(self._box, row)
            if len(keys) < 2:
                raise Refusal(Reason.CONFLICT, f"the webhook key of {account} is not being changed")
            return self._store(connection, row, keys[:1], "webhook.finish")

        return await self._acts.do(act)

    async def replace_lost(self) -> list[AccountRow]:
        """New keys for the accounts whose keys the present secret key does not open; those accounts."""

        def act(connection: Connection) -> list[AccountRow]:
            self._box.follow(None)
            adopt_newest(connection, self._box)
            lost = [row for row in accounts.all_accounts(connection) if not self._opens(row)]
            for row in lost:
                self._store(connection, row, [webhook_keys.make_webhook_key()], "webhook.replace_lost")
            reseal(connection, self._box)
            return lost

        return await self._acts.do(act)

    def _opens(self, row: AccountRow) -> bool:
        try:
            webhook_keys.opened(self._box, row)
        except SecretKeyError:
            return False
        return True

    def _locked(self, connection: Connection, account: str) -> AccountRow:
        hold(connection, self._box)
        row = account_of(connection, account)
        return accounts.account(connection, row.id, lock=True) or row

    def _store(self, connection: Connection, row: AccountRow, keys: list[str], action: str) -> list[str]:
        sealed = webhook_keys.sealed(self._box, row.segment, keys)
        accounts.set_webhook_keys(connection, row.id, sealed)
        self._acts.record(connection, action, row.name)
        return keys


def _checked(key: str) -> str:
    try:
        return webhook_keys.check_given(key)
    except BadWebhookKey as error:
        raise Refusal(Reason.INVALID_INPUT, str(error), field="key") from None
