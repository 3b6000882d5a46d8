"""Which processes of Souk are connected to a PostgreSQL database, of which version each is, and which keys it knows."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from souk.store.database import Database
from souk.store.listed import Listed, read_name
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


def connected(database: Database, which: Callable[[Listed], bool] = lambda _: True) -> list[Others]:
    """What of Souk's has the database open and is picked by ``which``. On SQLite nobody can tell: none."""
    if database.dialect is Dialect.SQLITE:
        return []
    connection = database.connect(read_only=True)
    try:
        rows = connection.run(_CONNECTED)
    finally:
        connection.close()
    found = Counter[tuple[str, str, str]]()
    for name, machine, count in rows:
        listed = read_name(name)
        if listed and which(listed):
            found[listed.version, listed.schema, machine] += count
    return [Others(*shared, count) for shared, count in found.items()]


def older_than(database: Database, step: str) -> list[Others]:
    """The connected processes that do not know this step."""
    return connected(database, lambda listed: listed.schema < step)


def staying(database: Database, step: str = "") -> list[Others]:
    """Who is connected, or who of them does not know a step, without those who are just leaving."""
    return _staying(lambda: older_than(database, step) if step else connected(database))


def staying_without(database: Database, key: str) -> list[Others]:
    """Who is connected and may not know the secret key with this mark, without those who are just leaving.

    A process of a version that does not say which keys it knows is among them.
    """
    return _staying(lambda: connected(database, lambda listed: listed.lacks(key)))


def _staying(look: Callable[[], list[Others]]) -> list[Others]:
    until = time.monotonic() + LEAVING_SECONDS
    while True:
        found = look()
        if not found or time.monotonic() > until:
            return found
        time.sleep(_LOOK_SECONDS)
