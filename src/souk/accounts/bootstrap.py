"""The first start: an empty database gets its first account, an API key, a webhook key and credits.

Every start runs it; where all is in place it only reads. Processes that start at once make one account
between them.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from souk.accounts import keys, ledger, webhook_keys
from souk.accounts.in_force import SECRET_KEY_MARK, hold, is_noted, note, require, was_noted
from souk.accounts.keys import BadKey
from souk.accounts.secrets import SecretBox, SecretKeyError
from souk.accounts.webhook_keys import BadWebhookKey
from souk.clock import Clock
from souk.settings import Settings
from souk.store import accounts
from souk.store.accounts import AccountRow
from souk.store.database import Conflict, Connection
from souk.store.keys import NewKey, insert_key, key_by_hash
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.words import Credits, Millis, Mode, Scope, credits_from_number

FIRST_ACCOUNT = "main"
ENVIRONMENT_KEY = "SOUK_API_KEY"
"""Name of the keys that came from this variable."""
MADE_KEY = "first"
SEGMENT_BYTES = 12
INSTALLATION_BYTES = 16


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What the operator wants of the first account."""

    api_key: str
    """Empty: one is made."""
    webhook_key: str
    """Empty: one is made."""
    initial_credits: Credits
    """In each mode."""

    @classmethod
    def of(cls, settings: Settings) -> "FirstAccount":
        """As the settings say."""
        return cls(
            settings.api_key.get_secret_value(),
            settings.webhook_key.get_secret_value(),
            credits_from_number(settings.initial_credits),
        )


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How the first account stands after a start."""

    account: AccountRow
    created: bool
    """This start made the account."""
    installation: str
    """The id this installation got at its first start."""
    made_api_key: str = ""
    """The key that was made; it can be read here and never again."""


def new_installation() -> str:
    """An id for an installation, which no other database has."""
    return secrets.token_hex(INSTALLATION_BYTES)


def new_segment() -> str:
    """A random part for the file links of an account."""
    return secrets.token_hex(SEGMENT_BYTES)


async def bootstrap(
    lane: Lane, reads: Reads, box: SecretBox, wanted: FirstAccount, clock: Clock
) -> Bootstrap:
    """Make sure the first account exists and has the keys the operator gave.

    Raises BadKey, BadWebhookKey, or SecretKeyError when the database's secrets need another secret key.
    """
    if wanted.api_key:
        try:
            keys.check_given(wanted.api_key)
        except BadKey as error:
            raise BadKey(f"{ENVIRONMENT_KEY}: {error}") from error
    if wanted.webhook_key:
        try:
            webhook_keys.check_given(wanted.webhook_key)
        except BadWebhookKey as error:
            raise BadWebhookKey(f"SOUK_WEBHOOK_KEY: {error}") from error
    settled = await reads.run(lambda connection: _settled(connection, box, wanted))
    return settled or await lane.write(BOOTSTRAP, _Start(box, wanted, clock.now()))


@dataclass(frozen=True, slots=True)
class _Start:
    box: SecretBox
    wanted: FirstAccount
    now: Millis


def _settled(connection: Connection, box: SecretBox, wanted: FirstAccount) -> Bootstrap | None:
    """The first account, if nothing is left to do."""
    account, installation = accounts.first_account(connection), accounts.installation(connection)
    if account is None or installation is None:
        return None
    require(connection, box)
    if wanted.api_key and key_by_hash(connection, keys.hash_of(wanted.api_key)) is None:
        return None
    if wanted.webhook_key and not is_noted(connection, box, wanted.webhook_key):
        return None
    return Bootstrap(account, created=False, installation=installation)


def _carry_out(connection: Connection, starts: Sequence[_Start]) -> list[Bootstrap | Exception]:
    answers: list[Bootstrap | Exception] = []
    for start in starts:
        try:
            answers.append(_bootstrap(connection, start))
        except SecretKeyError as error:
            answers.append(error)
    return answers


BOOTSTRAP = Kind("bootstrap", 0, _carry_out, alone=True)


def _bootstrap(connection: Connection, start: _Start) -> Bootstrap:
    box, wanted = start.box, start.wanted
    # Taking the mark first also makes processes that start at once wait for each other here.
    accounts.claim_meta(connection, SECRET_KEY_MARK, box.newest().mark)
    hold(connection, box)
    installation = _named_installation(connection)
    account = accounts.first_account(connection)
    created = account is None
    if account is None:
        account = _make_account(connection, start)
    made = keys.make_key(Mode.LIVE) if created and not wanted.api_key else ""
    if key := made or wanted.api_key:
        name = MADE_KEY if made else ENVIRONMENT_KEY
        new = NewKey(account.id, name, keys.hash_of(key), keys.hint_of(key), Scope.ADMIN, Mode.LIVE)
        insert_key(connection, new, start.now)
    if wanted.webhook_key:
        _take_webhook_key(connection, account, start)
    return Bootstrap(account, created, installation, made)


def _named_installation(connection: Connection) -> str:
    """The id of this installation, made now if it has none."""
    made = new_installation()
    accounts.claim_meta(connection, accounts.INSTALLATION, made)
    return accounts.installation(connection) or made


def _make_account(connection: Connection, start: _Start) -> AccountRow:
    segment = new_segment()
    first_keys = [start.wanted.webhook_key or webhook_keys.make_webhook_key()]
    sealed = webhook_keys.sealed(start.box, segment, first_keys)
    account = accounts.insert_account(connection, FIRST_ACCOUNT, segment, sealed, start.now)
    if account is None:
        raise Conflict(f"the account {FIRST_ACCOUNT} exists already")
    amount = start.wanted.initial_credits
    for mode in Mode if amount else ():
        ledger.grant(connection, account.id, mode, amount, "SOUK_INITIAL_CREDITS", start.now)
    return account


def _take_webhook_key(connection: Connection, account: AccountRow, start: _Start) -> None:
    """Sign with the key from the environment from now on, if that is not the one taken at an earlier start.

    So a key changed in the environment counts at the next start, and one rotated at the command line stays.
    """
    box, given = start.box, start.wanted.webhook_key
    if is_noted(connection, box, given):
        return
    current = webhook_keys.opened(box, account)
    if current[:1] != [given] and not was_noted(connection, box, given):
        both = webhook_keys.rotated(current, given)
        accounts.set_webhook_keys(connection, account.id, webhook_keys.sealed(box, account.segment, both))
    note(connection, box, given)
