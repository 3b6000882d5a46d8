"""Tasks written straight into the store, for tests of what the engine claims and hands back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from souk.engine import steps
from souk.engine.steps import Claim, Claimed, Join, Lap
from souk.ids import oldest_id_at
from souk.store.database import Connection, Database
from souk.store.statement import Statement
from souk.words import Millis

NOW = 1_772_100_021_000
LEASE_MS = 15_000
START = Lap()

# One digit per million, so that ids follow the order of creation.
_TASKS = Statement(
    "INSERT INTO tasks (id, account_id, key_id, mode, dialect, model, state, input, created_at, updated_at, "
    "deadline_at, due_at, hold, price, completed_at) "
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
    "SELECT substr(:id, 1, 18) || substr(CAST(100000000000000 + :account * 10000000 + :first + i AS text), 2), "
    ":account, 1, 'live', 'jobs', 'z-image', :state, '{}', :now, :now, :now, :now, 0, '{}', "
    "CASE WHEN :state IN ('success', 'fail') THEN CAST(:now AS bigint) END FROM n"
)
_ACCOUNT = Statement(
    "INSERT INTO accounts (id, name, segment, created_at, concurrency) "
    "VALUES (:id, :name, :name, 1, :concurrency) ON CONFLICT DO NOTHING"
)


class Shelf:
    """A store with accounts and tasks, and what a node does with it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._made = 0

    def add(
        self, account: int, count: int, *, state: str = "waiting", concurrency: int | None = None
    ) -> None:
        """More tasks of an account, which is made if need be."""
        self.connection.run(
            _ACCOUNT, {"id": account, "name": f"account-{account}", "concurrency": concurrency}
        )
        params: dict[str, Any] = {"count": count, "account": account, "first": self._made, "state": state}
        self.connection.run(_TASKS, {**params, "id": oldest_id_at(Millis(NOW)), "now": NOW})
        self._made += count

    def enter(self, node: str, slot: str = "") -> None:
        self._do(steps.JOIN, Join(node, slot or node, NOW, NOW + LEASE_MS))

    def claim(
        self, node: str = "node", most: int = 256, *, lap: Lap = START, concurrency: int = 0, now: int = NOW
    ) -> Claimed:
        return self._do(steps.CLAIM, Claim(node, most, now, lap, concurrency))

    def held(self, node: str = "node") -> int:
        rows = self.connection.run(
            Statement("SELECT count(*) FROM tasks WHERE lease_owner = :node"), {"node": node}
        )
        return int(rows[0][0])

    def _do(self, kind: Any, op: Any) -> Any:
        self.connection.begin()
        answers = kind.handle(self.connection, [op])
        self.connection.commit()
        return answers[0]


@contextmanager
def shelf(url: str) -> Iterator[Shelf]:
    connection = Database(url).connect()
    try:
        yield Shelf(connection)
    finally:
        connection.close()


def by_account(claimed: Claimed) -> dict[int, int]:
    """How many tasks of each account a claim took."""
    found: dict[int, int] = {}
    for task in claimed.tasks:
        found[task.account_id] = found.get(task.account_id, 0) + 1
    return found
