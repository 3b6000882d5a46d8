"""Which secret key a database is sealed with, and its exchange for another while processes run.

A mark in the database says which key is in force. Whoever seals something holds the mark until its transaction ends, so
nothing is sealed with one key while :func:`reseal` puts everything under another. That takes processes that know both.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import islice

from souk.accounts import webhook_keys
from souk.accounts.secrets import SEALED, SecretBox, SecretKeyError
from souk.clock import Clock
from souk.store import accounts
from souk.store.database import Connection, DatabaseError
from souk.store.reads import Reads
from souk.words import AccountId

log = logging.getLogger("souk.accounts")

SECRET_KEY_MARK = "secret_key"  # noqa: S105 - the name of a fact in the database
"""By what a database recognises its secret key."""
LOOK_SECONDS = 1.0
"""How often a process that knows two keys looks which one is in force."""
ROWS_AT_ONCE = 1000
_GIVEN = "webhook_key_from_environment"
_GIVEN_CONTEXT = "webhook key from the environment"


def mark_of(connection: Connection) -> str | None:
    """The mark of the key in force; None in a database without secrets."""
    return accounts.meta(connection, SECRET_KEY_MARK)


def require(connection: Connection, box: SecretBox) -> None:
    """Follow the key in force. Raises SecretKeyError if the box does not know it."""
    _follow(box, mark_of(connection))


def hold(connection: Connection, box: SecretBox) -> None:
    """:func:`require`, and keep that key in force until the transaction ends: to be called before sealing."""
    _follow(box, accounts.meta(connection, SECRET_KEY_MARK, lock=True))


def _follow(box: SecretBox, mark: str | None) -> None:
    if not box.follow(mark):
        raise SecretKeyError(
            "the secret key is not the one this database's secrets were encrypted with; set SOUK_SECRET_KEY "
            "or copy secret.key from where the data was made. If it was exchanged for another here, give that one too. "
            "If it is lost, `souk accounts rotate-webhook-key --lost` makes new webhook keys under this one"
        )


def is_noted(connection: Connection, box: SecretBox, webhook_key: str) -> bool:
    """Whether this webhook key is the one that the environment named at the last start."""
    return _given(connection, box) == webhook_key


def was_noted(connection: Connection, box: SecretBox, webhook_key: str) -> bool:
    """The same of a start of an earlier version, which remembered the key's fingerprint."""
    kept = accounts.meta(connection, _GIVEN) or ""
    return not kept.startswith(SEALED) and box.recognises(kept, webhook_key)


def note(connection: Connection, box: SecretBox, webhook_key: str) -> None:
    """Remember the webhook key that the environment names."""
    accounts.set_meta(connection, _GIVEN, box.encrypt(webhook_key, _GIVEN_CONTEXT))


def _given(connection: Connection, box: SecretBox) -> str | None:
    kept = accounts.meta(connection, _GIVEN) or ""
    try:
        return box.decrypt(kept, _GIVEN_CONTEXT) if kept.startswith(SEALED) else None
    except SecretKeyError:  # the secret key was lost
        return None


@dataclass(frozen=True, slots=True)
class Sealed:
    """How an installation's secrets stand to the keys that are known."""

    newest: list[str] = field(default_factory=list[str])
    """The accounts whose webhook keys the newest key opens."""
    before: list[str] = field(default_factory=list[str])
    """Those that only the key before opens."""
    lost: list[str] = field(default_factory=list[str])
    """Those that none of them opens."""


def standing(connection: Connection, box: SecretBox) -> Sealed:
    """Try every stored webhook key."""
    newest, sealed = box.newest(), Sealed()
    for row in accounts.all_accounts(connection):
        if _opens(newest, row):
            sealed.newest.append(row.name)
        else:
            (sealed.before if _opens(box, row) else sealed.lost).append(row.name)
    return sealed


def reseal(connection: Connection, box: SecretBox) -> int:
    """Seal everything with the newest key, which is in force from the commit on; how many accounts it took.

    Raises SecretKeyError before anything is written if a text opens with none of the keys.
    """
    hold(connection, box)
    newest = box.newest()
    changed: dict[AccountId, str] = {}
    for row in accounts.all_accounts(connection, lock=True):
        if not _opens(newest, row):
            keys = webhook_keys.opened(box, row)
            changed[row.id] = webhook_keys.sealed(newest, row.segment, keys)
    given = _given(connection, box)
    if given is not None:
        note(connection, newest, given)
    left = iter(changed.items())
    while batch := dict(islice(left, ROWS_AT_ONCE)):
        accounts.reseal_webhook_keys(connection, batch)
    adopt_newest(connection, box)
    return len(changed)


def adopt_newest(connection: Connection, box: SecretBox) -> None:
    """The newest key is in force from the commit on."""
    accounts.set_meta(connection, SECRET_KEY_MARK, box.newest().mark)


def _opens(box: SecretBox, row: accounts.AccountRow) -> bool:
    try:
        webhook_keys.opened(box, row)
    except SecretKeyError:
        return False
    return True


class KeyWatch:
    """Keeps a process that knows two keys with the one in force: links are signed without asking the database."""

    def __init__(self, reads: Reads, box: SecretBox, clock: Clock) -> None:
        self._reads = reads
        self._box = box
        self._clock = clock
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._box.changing:
            self._watching = asyncio.create_task(self._watch(), name="souk-secret-key")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        known = True
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            try:
                before, known = known, self._box.follow(await self._reads.run(mark_of))
            except DatabaseError:
                continue  # whoever works with it tells
            if before and not known:
                log.error(
                    "secrets are sealed with a secret key that this process does not know",
                    extra={
                        "remedy": "restart it with the right SOUK_SECRET_KEY; until then its callbacks fail"
                    },
                )
