"""One moment of the whole database: everything read inside belongs together, whatever others commit meanwhile."""

from collections.abc import Generator
from contextlib import contextmanager

from souk.store.database import Connection
from souk.store.statement import Dialect, Statement

# SQLite's transactions see one moment by themselves; PostgreSQL's see each statement's own otherwise.
_ONE_MOMENT = (
    Statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    # The reader may write what it read to a slow disk meanwhile; it locks nothing that others want.
    Statement("SET LOCAL idle_in_transaction_session_timeout = 0"),
)


@contextmanager
def snapshot(connection: Connection) -> Generator[None]:
    """Read one moment through this read-only connection."""
    connection.begin()
    try:
        if connection.dialect is Dialect.POSTGRESQL:
            for statement in _ONE_MOMENT:
                connection.run(statement)
        yield
    finally:
        connection.rollback()
