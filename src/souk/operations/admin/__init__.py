"""What the operator can do: accounts, keys, credits and webhook keys. Every act is put on record."""

from souk.accounts.bootstrap import new_installation
from souk.accounts.secrets import SecretBox
from souk.clock import Clock
from souk.operations.admin.accounts import Accounts, Limits
from souk.operations.admin.acts import Acts, NoSuch
from souk.operations.admin.credits import CreditBook
from souk.operations.admin.keys import KeyRing, KeyRules, MadeKey
from souk.operations.admin.secret_key import Exchange, SecretKeys
from souk.operations.admin.webhooks import Webhooks
from souk.store.accounts import AuditRow, become_installation
from souk.store.database import Connection
from souk.store.lane import Lane
from souk.store.reads import Reads

__all__ = [
    "Accounts",
    "Admin",
    "CreditBook",
    "Exchange",
    "KeyRing",
    "KeyRules",
    "Limits",
    "MadeKey",
    "NoSuch",
    "SecretKeys",
    "Webhooks",
]


class Admin:
    """The operator's acts, done as ``actor`` (how the audit record names them)."""

    def __init__(self, lane: Lane, reads: Reads, clock: Clock, box: SecretBox, *, actor: str) -> None:
        acts = Acts(lane, reads, clock, actor)
        self._acts = acts
        self.accounts = Accounts(acts, box)
        self.keys = KeyRing(acts)
        self.credits = CreditBook(acts)
        self.webhooks = Webhooks(acts, box)
        self.secret_keys = SecretKeys(acts, box)

    async def disown_files(self) -> None:
        """Make a database that other tools copied an installation of its own: it cleans up no files it shares."""

        def act(connection: Connection) -> None:
            become_installation(connection, new_installation())
            self._acts.record(connection, "files.disown", "the storage")

        await self._acts.do(act)

    async def audit(self, limit: int = 100) -> list[AuditRow]:
        """The latest acts, newest first."""
        return await self._acts.audit(limit)
