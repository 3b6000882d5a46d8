"""API keys as texts: making one, and what is kept of it. A task starts with one of these in a header."""

import hashlib
import secrets
import string

from souk.words import Mode

LIVE_PREFIX = "sk-souk-"
SANDBOX_PREFIX = "sk-souk-sandbox-"
RANDOM_CHARACTERS = 32
"""Base62 characters after the prefix: about 190 bits, which nobody guesses."""
SHORTEST = 8
"""Characters a key chosen by the operator must have."""
LONGEST = 256

_BASE62 = string.digits + string.ascii_letters
_ENOUGH_TO_HIDE = 24
"""A key this long may show its ends; what stays hidden is still unguessable."""


class BadKey(ValueError):
    """A key text that cannot be used; the message says why."""


def make_key(mode: Mode) -> str:
    """A new random API key. The prefix tells people, not Souk, which mode it is for."""
    prefix = SANDBOX_PREFIX if mode is Mode.SANDBOX else LIVE_PREFIX
    return prefix + "".join(secrets.choice(_BASE62) for _ in range(RANDOM_CHARACTERS))


def check_given(key: str) -> str:
    """A key the operator chose, if it can travel in a header. Raises BadKey."""
    if not SHORTEST <= len(key) <= LONGEST:
        raise BadKey(f"an API key has {SHORTEST} to {LONGEST} characters, this one has {len(key)}")
    if not all("!" <= character <= "~" for character in key):
        raise BadKey("an API key is made of printable ASCII characters without spaces")
    return key


def hash_of(key: str) -> str:
    """What the database keeps of a key.

    Plain SHA-256 is enough: made keys carry 190 random bits, so a slow hash would protect nothing, and
    every request pays for this one.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def hint_of(key: str) -> str:
    """The ends of a key, for people to recognise it by; less of it the shorter it is."""
    if len(key) < _ENOUGH_TO_HIDE:
        return f"{key[:2]}…"
    shown = len(LIVE_PREFIX) + 2 if key.startswith(LIVE_PREFIX) else 4
    return f"{key[:shown]}…{key[-4:]}"
