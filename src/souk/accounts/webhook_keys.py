"""Webhook keys: what an account's callbacks are signed with. One key, or two while it is being changed.

They are kept encrypted in the account's row, newest first.
"""

import base64
import json
import secrets
from collections import OrderedDict

from souk.accounts.secrets import SecretBox
from souk.clock import Clock
from souk.store import accounts
from souk.store.accounts import AccountRow
from souk.store.reads import Reads
from souk.words import AccountId

PREFIX = "whsec_"
"""Standard Webhooks: what follows is the base64 of the signing bytes."""
RANDOM_BYTES = 32
CACHE_SECONDS = 1.0
MOST_CACHED = 10_000


class BadWebhookKey(ValueError):
    """A webhook key that nothing can be signed with. The message says why and does not repeat it."""


def make_webhook_key() -> str:
    """A new random key in the form Standard Webhooks tools take."""
    return PREFIX + base64.b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()


def check_given(key: str) -> str:
    """A key the operator chose. Raises BadWebhookKey."""
    signing_bytes(key)
    return key


def signing_bytes(key: str) -> bytes:
    """What Standard Webhooks signs with: the decoded bytes of a ``whsec_`` key, any other key's own bytes.

    Raises BadWebhookKey if there are none.
    """
    if not key.strip():
        raise BadWebhookKey("a webhook key must not be empty: anybody could sign with it")
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        decoded = base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise BadWebhookKey(f"what follows {PREFIX} in a webhook key must be Base64") from None
    if not decoded:
        raise BadWebhookKey(f"a webhook key must not be empty: something has to follow {PREFIX}")
    return decoded


def sealed(box: SecretBox, segment: str, keys: list[str]) -> str:
    """Keys, newest first, as the account's row keeps them."""
    return box.encrypt(json.dumps(keys), _context(segment))


def opened(box: SecretBox, account: AccountRow) -> list[str]:
    """An account's keys, newest first. Raises SecretKeyError."""
    if not account.webhook_keys:
        return []
    return json.loads(box.decrypt(account.webhook_keys, _context(account.segment)))


def rotated(keys: list[str], new: str) -> list[str]:
    """The keys while receivers move to a new one: both sign."""
    return [new, *[key for key in keys if key != new][:1]]


def _context(segment: str) -> str:
    return f"webhook keys of the account with file links under {segment}"


class WebhookKeys:
    """The keys to sign an account's callbacks with, through a cache of one second."""

    def __init__(self, reads: Reads, box: SecretBox, clock: Clock) -> None:
        self._reads = reads
        self._box = box
        self._clock = clock
        self._cached: OrderedDict[AccountId, tuple[float, list[str]]] = OrderedDict()

    def forget(self) -> None:
        """Read every account's keys anew."""
        self._cached.clear()

    async def keys_of_account(self, account_id: AccountId) -> list[str]:
        """An account's keys, newest first; empty if there is no such account. Raises SecretKeyError."""
        now = self._clock.monotonic()
        cached = self._cached.get(account_id)
        if cached is not None and now - cached[0] < CACHE_SECONDS:
            return cached[1]
        row = await self._reads.run(lambda connection: accounts.account(connection, account_id))
        keys = opened(self._box, row) if row else []
        self._cached[account_id] = (now, keys)
        self._cached.move_to_end(account_id)
        if len(self._cached) > MOST_CACHED:
            self._cached.popitem(last=False)
        return keys
