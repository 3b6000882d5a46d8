"""Nodes: the engine processes that hold leases. A task's lease lives as long as its node's heartbeat.

Leases are written and judged by the database's clock. Were they by the machines' own, one that goes ahead of the others
by a lease would declare all of them dead at every beat.
"""

from souk.store.database import Connection
from souk.store.statement import Statement

_JOIN = Statement(
    "INSERT INTO nodes (id, slot, started_at, lease_until) "
    "VALUES (:id, :slot, {moment}, {moment} + :until - :now)"
)
_SAME_SLOT = Statement("DELETE FROM nodes WHERE slot = :slot AND id <> :id RETURNING id")
_BEAT = Statement("UPDATE nodes SET lease_until = {moment} + :until - :now WHERE id = :id RETURNING id")
_EXPIRED = Statement("DELETE FROM nodes WHERE lease_until < {moment} RETURNING id")
_LEAVE = Statement("DELETE FROM nodes WHERE id = :id")
_ENTERED = Statement("SELECT 1 FROM nodes WHERE id = :id {for_update}")
_ALIVE = Statement("SELECT count(*) FROM nodes WHERE lease_until >= {moment}")


def join(connection: Connection, node: str, slot: str, now: int, until: int) -> list[str]:
    """Enter a node; returns earlier nodes of the same slot, which the slot's lock proves dead."""
    gone = [row[0] for row in connection.run(_SAME_SLOT, {"slot": slot, "id": node})]
    connection.run(_JOIN, {"id": node, "slot": slot, "now": now, "until": until})
    return gone


def beat(connection: Connection, node: str, now: int, until: int) -> bool:
    """Renew a node's lease; False when others have already declared it dead."""
    return bool(connection.run(_BEAT, {"id": node, "now": now, "until": until}))


def expired(connection: Connection, now: int) -> list[str]:
    """Remove and return the nodes whose heartbeat stopped."""
    return [row[0] for row in connection.run(_EXPIRED, {"now": now})]


def entered(connection: Connection, node: str) -> bool:
    """Whether a node may claim. Nobody can declare it dead until the commit, so what it claims has a living owner."""
    return bool(connection.run(_ENTERED, {"id": node}))


def leave(connection: Connection, node: str) -> None:
    connection.run(_LEAVE, {"id": node})


def alive(connection: Connection, now: int) -> int:
    """How many engine processes are running."""
    return int(connection.run(_ALIVE, {"now": now})[0][0])
