"""Taking over a storage's files for a database: an operator's act, when the sweep says they are not its own."""

import msgspec

from souk.assets.storage import Storage
from souk.store import assets
from souk.store.accounts import installation
from souk.store.reads import Reads
from souk.words import Millis

_EVER = Millis(1 << 52)


class Adoption(msgspec.Struct, frozen=True):
    """What came of it."""

    adopted: bool
    unknown: int
    """Files in the storage that no row of the database names; once adopted, the sweep removes them."""


async def adopt(reads: Reads, storage: Storage, *, with_unknown: bool) -> Adoption:
    """Mark a storage's files as this database's; not if it does not know them all, unless ``with_unknown``."""
    unknown = 0
    async for paths in storage.list_older_than(_EVER):
        known = await reads.run(lambda connection, paths=paths: assets.find(connection, paths))
        unknown += len(paths) - len(known)
    own = await reads.run(installation)
    if own is None or (unknown and not with_unknown):
        return Adoption(adopted=False, unknown=unknown)
    await storage.claim(own)
    return Adoption(adopted=True, unknown=unknown)
