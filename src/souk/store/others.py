"""Which processes of Souk are connected to a PostgreSQL database, and of which version each is."""

import time
from dataclasses import dataclass

from souk.store.database import Database
from souk.store.release import schema_named
from souk.store.statement import Dialect, Statement

# Connections of other users are listed without their names; all of Souk's processes are one user's.
_CONNECTED = Statement(
    "SELECT application_name, COALESCE(host(client_addr), 'the database server'), count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 1, 2"
)


LEAVING_SECONDS = 2.0
"""The server lists a connection for a moment after its process has ended."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Others:
    """Processes of one version on one machine."""

    name: str
    schema: str
    """The newest step they know."""
    machine: str
    connections: int

    def __str__(self) -> str:
        return f"{self.name} on {self.machine}"


def connected(database: Database) -> list[Others]:
    """Everything of Souk's that has the database open. On SQLite nobody can tell: none."""
    if database.dialect is Dialect.SQLITE:
        return []
    connection = database.connect(read_only=True)
    try:
        rows = connection.run(_CONNECTED)
    finally:
        connection.close()
    known = [(name, schema_named(name), machine, count) for name, machine, count in rows]
    return [Others(name, schema, machine, count) for name, schema, machine, count in known if schema]


def older_than(database: Database, step: str) -> list[Others]:
    """The connected processes that do not know this step."""
    return [others for others in connected(database) if others.schema < step]


def staying(database: Database, step: str = "") -> list[Others]:
    """Who is connected, or who of them does not know a step, without those who are just leaving."""
    until = time.monotonic() + LEAVING_SECONDS
    while True:
        found = older_than(database, step) if step else connected(database)
        if not found or time.monotonic() > until:
            return found
        time.sleep(_LOOK_SECONDS)
