"""Which version of the schema a database has."""

from souk.store.database import Connection, Database, DatabaseError
from souk.store.statement import Dialect, Statement

_VERSION = Statement("SELECT version_num FROM alembic_version")


class BadSchema(DatabaseError):
    """The schema is not one this version of Souk can work with, or cannot be brought there now."""


def current_version(database: Database) -> str | None:
    """The newest step the database has seen; None for an empty one."""
    if database.dialect is Dialect.SQLITE and not database.path.exists():
        return None
    connection = database.connect()
    try:
        return _version(connection)
    finally:
        connection.close()


def _version(connection: Connection) -> str | None:
    try:
        rows = connection.run(_VERSION)
    except DatabaseError as error:
        if "alembic_version" in str(error):
            return None
        raise
    return str(rows[0][0]) if rows else None
