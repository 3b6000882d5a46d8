"""One moment of the whole database: everything read inside belongs together, whatever others commit meanwhile."""

from collections.abc import Generator
from contextlib import contextmanager

from souk.store.database import Connection
from souk.store.statement import Dialect, Statement

# SQLite's transactions see one moment by themselves; PostgreSQL's see each statement's own otherwise.
_ONE_MOMENT = Statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


@contextmanager
def snapshot(connection: Connection) -> Generator[None]:
    """Read one moment through this read-only connection."""
    connection.begin()
    try:
        if connection.dialect is Dialect.POSTGRESQL:
            connection.run(_ONE_MOMENT)
        yield
    finally:
        connection.rollback()
