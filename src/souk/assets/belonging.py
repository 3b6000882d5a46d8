"""Whose files a storage holds, so that cleaning up never takes another installation's for orphans.

To a database that is new, or simply not the one these files were stored with, every file looks like one that no
row claims; to one restored from a copy, so does every file that came after the copy. The database therefore has an
installation id, the storage has it too, and the sweep compares them. No two databases have one id: a restored one gets
an id of its own, and a storage that another may still use stays that one's until an operator says that it is dead.
"""

import logging

from souk.assets.storage import Storage, Unreachable
from souk.store.accounts import installation
from souk.store.reads import Reads
from souk.words import Millis

log = logging.getLogger("souk.assets")

_EVER = Millis(1 << 52)
REMEDY = "correct SOUK_STORAGE_URL or SOUK_DATABASE_URL; if these files are this database's, run `souk files adopt`"


async def belongs(reads: Reads, storage: Storage) -> bool:
    """Whether the files in a storage are known to be this database's."""
    owner = await storage.owner()
    return owner is not None and owner == await reads.run(installation)


async def settle(storage: Storage, installation: str) -> bool:
    """Mark an empty storage that nobody marked as an installation's; whether it is that installation's now."""
    owner = await storage.owner()
    if owner is None and await _is_empty(storage):
        await storage.claim(installation)
        owner = installation
    return owner == installation


async def settle_at_start(storage: Storage, installation: str) -> None:
    """:func:`settle`, unless the storage is away: Souk serves what it can meanwhile, and cleans up nothing."""
    try:
        await settle(storage, installation)
    except Unreachable as error:
        log.warning("the storage is away; Souk starts without it", extra={"reason": str(error)})


async def _is_empty(storage: Storage) -> bool:
    stored = storage.list_older_than(_EVER)
    try:
        return not await anext(stored, None)
    finally:
        await stored.aclose()
