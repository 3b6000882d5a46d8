"""What the database says of the tasks of a bench: when each was made and ended, and whether all is settled."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self

from souk.store.database import Connection, Database
from souk.store.statement import Statement

LOOK_SECONDS = 0.1

_UNFINISHED = Statement("SELECT count(*) FROM tasks WHERE completed_at IS NULL")
_NEWEST = Statement("SELECT COALESCE(max(id), '') FROM tasks")
_ENDS = Statement("SELECT created_at, completed_at FROM tasks WHERE id > :since AND state = 'success'")
_SUCCESSES = Statement("SELECT count(*) FROM tasks WHERE state = 'success'")
_UNSETTLED = (
    ("holds without a capture", "SELECT count(*) FROM ledger h WHERE h.side = 0 AND NOT EXISTS "
     "(SELECT 1 FROM ledger c WHERE c.task_id = h.task_id AND c.side = 1)"),
    ("successes without a file", "SELECT count(*) FROM tasks t WHERE t.state = 'success' AND NOT EXISTS "
     "(SELECT 1 FROM assets a WHERE a.task_id = t.id)"),
    ("credits still held", "SELECT COALESCE(sum(held), 0) FROM balances"),
)  # fmt: skip


class Truth:
    """A reading connection beside the server that is measured."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def of(cls, database: Database) -> Generator[Self]:
        connection = database.connect(read_only=True)
        try:
            yield cls(connection)
        finally:
            connection.close()

    def newest(self) -> str:
        """The newest task's id; empty before the first."""
        return self._connection.run(_NEWEST)[0][0]

    def wait_for_ends(self, seconds: float) -> None:
        """Return when every task has ended. Raises RuntimeError when that takes longer."""
        deadline = time.monotonic() + seconds
        while left := self.unfinished():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{left} tasks did not end")
            time.sleep(LOOK_SECONDS)

    def unfinished(self) -> int:
        """How many tasks have not ended."""
        return self._count(_UNFINISHED)

    def ends(self, since: str) -> list[tuple[int, int]]:
        """When the successful tasks after this one were made and ended, in milliseconds since the epoch."""
        return [(made, done) for made, done in self._connection.run(_ENDS, {"since": since})]

    def successes(self) -> int:
        """How many tasks succeeded."""
        return self._count(_SUCCESSES)

    def unsettled(self) -> dict[str, int]:
        """What is not as it must be once all have ended; empty if all is well."""
        found = {name: self._count(Statement(text)) for name, text in _UNSETTLED}
        return {name: count for name, count in found.items() if count}

    def _count(self, statement: Statement) -> int:
        return int(self._connection.run(statement)[0][0])
