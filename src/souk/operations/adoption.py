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
    others: bool
    """The files were marked as another installation's, which may live."""


async def adopt(reads: Reads, storage: Storage, *, with_unknown: bool, take_over: bool) -> Adoption:
    """Mark a storage's files as this database's.

    Not if it does not know them all, unless ``with_unknown``; not if another installation has marked them, unless
    ``take_over``.
    """
    unknown, owner = 0, await storage.owner()
    async for paths in storage.list_older_than(_EVER):
        known = await reads.run(lambda connection, paths=paths: assets.find(connection, paths))
        unknown += len(paths) - len(known)
    own = await reads.run(installation)
    others = owner not in (None, own)
    if own is None or (unknown and not with_unknown) or (others and not take_over):
        return Adoption(adopted=False, unknown=unknown, others=others)
    await storage.claim(own)
    return Adoption(adopted=True, unknown=unknown, others=others)
