"""How health and metrics look into the store: a write through the lane, a read, and a count of what waits."""

from collections.abc import Sequence
from dataclasses import dataclass

from souk.clock import Clock
from souk.store import outbox
from souk.store.database import Connection
from souk.store.lane import Kind, Lane
from souk.store.reads import Reads
from souk.store.statement import Statement
from souk.words import TaskState

_ONE = Statement("SELECT 1")
_REWRITE = Statement("UPDATE alembic_version SET version_num = version_num")
"""Changes nothing and yet has to reach the disk, which only then shows that it is full or read-only."""
# Two statements, because each has a partial index made for its condition.
_UNCLAIMED = Statement(
    "SELECT state, count(*), min(created_at) FROM tasks "
    "WHERE lease_owner IS NULL AND completed_at IS NULL GROUP BY state"
)
_CLAIMED = Statement("SELECT state, count(*) FROM tasks WHERE lease_owner IS NOT NULL GROUP BY state")


def _touch(connection: Connection, ops: Sequence[None]) -> list[None]:
    connection.run(_REWRITE)
    return list(ops)


TOUCH: Kind[None, None] = Kind("touch", 90, _touch, alone=True)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Tasks that have not ended, and callbacks that have not arrived."""

    by_state: dict[str, int]
    oldest_wait: float
    """Seconds the longest unclaimed task has waited."""
    callbacks: int = 0
    """Callbacks that are not delivered yet."""
    late_callbacks: int = 0
    """Those of them whose next try is due by now."""


class Vitals:
    """The store, as far as health and metrics need it."""

    def __init__(self, lane: Lane, reads: Reads, clock: Clock) -> None:
        self.lane = lane
        self._reads = reads
        self._clock = clock

    async def check_database(self) -> None:
        """A read works. Raises DatabaseError."""
        await self._reads.run(lambda connection: connection.run(_ONE))

    async def check_lane(self) -> None:
        """A write is committed. Raises DatabaseError, or waits while the lane is stuck."""
        await self.lane.write(TOUCH, None)

    async def backlog(self) -> Backlog:
        """What waits and runs. Raises DatabaseError."""
        return await self._reads.run(self._count)

    def _count(self, connection: Connection) -> Backlog:
        by_state = dict.fromkeys((state.value for state in TaskState if not state.terminal), 0)
        oldest = now = self._clock.now()
        for state, count, created_at in connection.run(_UNCLAIMED):
            by_state[state] += count
            oldest = min(oldest, created_at)
        for state, count in connection.run(_CLAIMED):
            by_state[state] = by_state.get(state, 0) + count
        sending = outbox.backlog(connection, now)
        return Backlog(by_state, (now - oldest) / 1000, sending.pending, sending.late)
