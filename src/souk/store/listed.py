"""The name under which a PostgreSQL server lists a process of Souk: its version, and which secret keys it knows.

``souk 0.1.0 schema 0011 keys 5f0c2a91+c3d81e07``: the newest key first, each by a mark that gives nothing away. A
command that needs none has ``keys -``. A server cuts names off behind 63 bytes, so the keys stand last.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NO_KEYS = "-"
_NAME = re.compile(r"(souk \S+ schema (\d+))(?: keys (\S+))?(?: .*)?")
"""Later versions may have more to say."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a name says."""

    version: str
    """The part that all processes of a version share, such as ``souk 0.1.0 schema 0011``."""
    schema: str
    """The newest step of the schema that it knows."""
    keys: frozenset[str] | None
    """Marks of secret keys; None of a version that does not say."""

    def lacks(self, key: str) -> bool:
        """Whether it has secrets to open and may not know this secret key."""
        return self.keys is None or (bool(self.keys) and key not in self.keys)


def listed_as(version: str, keys: Sequence[str]) -> str:
    """The name of a process of this version that knows the secret keys with these marks."""
    return f"{version} keys {'+'.join(keys) or _NO_KEYS}"


def read_name(name: str) -> Listed | None:
    """What a name says; None if it is not Souk's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    version, schema, keys = found.groups()
    told = None if keys is None else frozenset(keys.split("+")) - {_NO_KEYS}
    return Listed(version, schema, told)
