"""One process at a time: whoever changes the schema of a database holds its lock."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from souk.store.database import Database
from souk.store.statement import Dialect, Statement

_NUMBER = 7_305_803_402_566_021
# Asked again and again rather than waited for: an index that is built beside running work waits for every statement
# that began before it, and one that waits for this lock would be among them.
_TAKE = Statement(f"SELECT pg_try_advisory_lock({_NUMBER})")
AGAIN_SECONDS = 0.1


@contextmanager
def alone(database: Database) -> Generator[None]:
    """Hold the lock, which the system drops with the process, however that ends."""
    if database.dialect is Dialect.SQLITE:
        with _folder(database.path.parent):
            yield
        return
    connection = database.connect()
    try:
        while not connection.run(_TAKE)[0][0]:
            time.sleep(AGAIN_SECONDS)
        yield
    finally:
        connection.close()


@contextmanager
def _folder(folder: Path) -> Generator[None]:
    """The folder's lock, not the file's: closing that a second time would drop the locks SQLite itself holds on it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
