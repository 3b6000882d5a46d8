"""Backups: one consistent copy of database and files that restores into either kind of database."""

from souk.operations.backup.archive import BadBackup, Source, open_source
from souk.operations.backup.manifest import Manifest
from souk.operations.backup.restore import Restored, restore, restore_secret_key
from souk.operations.backup.take import take

__all__ = [
    "BadBackup",
    "Manifest",
    "Restored",
    "Source",
    "open_source",
    "restore",
    "restore_secret_key",
    "take",
]
