"""Sending a callback, as the store sees it: lease a row, fix its body, note each try, or hand it back.

Every write compares the lease, so a deliverer that lost it and wakes late changes nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from souk.store import deliveries
from souk.store.database import Connection
from souk.store.deliveries import Delivery
from souk.store.lane import Kind
from souk.store.outbox import COLUMNS, END, OutboxRow
from souk.store.statement import Statement, rows_json
from souk.words import Millis


class Claim(msgspec.Struct, frozen=True):
    """Lease up to ``most`` due rows of one endpoint to ``owner`` until ``until``."""

    endpoint: str
    most: int
    owner: str
    now: Millis
    until: Millis


class Claimed(msgspec.Struct, frozen=True):
    """What a claim got, oldest first."""

    rows: list[OutboxRow]
    next_due: Millis | None
    """When the endpoint next has a row due; None if nothing waits, or if the claim got all it asked for."""


_WANT = "{rows:want(endpoint text, owner text, now bigint, until bigint)}"

# One row per endpoint and run: the first due one whose task has nothing earlier pending.
_CLAIM = Statement(
    "WITH pick AS MATERIALIZED (SELECT want.owner, want.until, (SELECT o.id FROM outbox o "  # noqa: S608 - constant columns
    "WHERE o.state = 'pending' AND o.endpoint = want.endpoint AND o.next_try_at <= want.now AND NOT EXISTS ("
    "SELECT 1 FROM outbox e WHERE e.task_id = o.task_id AND e.state = 'pending' AND e.number < o.number) "
    f"ORDER BY o.next_try_at LIMIT 1 {{skip_locked}}) AS id FROM {_WANT}) "
    "UPDATE outbox SET lease_owner = pick.owner, lease_until = pick.until, next_try_at = pick.until "
    f"FROM pick WHERE outbox.id = pick.id RETURNING {COLUMNS}"
)
_NEXT_DUE = Statement(
    "SELECT want.endpoint, (SELECT o.next_try_at FROM outbox o WHERE o.state = 'pending' "  # noqa: S608 - constant columns
    "AND o.endpoint = want.endpoint AND o.next_try_at > want.now AND o.lease_owner IS NULL "
    f"ORDER BY o.next_try_at LIMIT 1) FROM {_WANT}"
)


def _claim(connection: Connection, claims: Sequence[Claim]) -> list[Claimed]:
    got: list[list[OutboxRow]] = [[] for _ in claims]
    dry: set[int] = set()
    while asking := _asking(claims, got, dry):
        wanted = rows_json(msgspec.structs.asdict(claims[index]) for index in asking.values())
        taken = [OutboxRow(*row) for row in connection.run(_CLAIM, {"want": wanted})]
        for row in taken:
            got[asking[row.endpoint]].append(row)
        dry.update(set(asking.values()) - {asking[row.endpoint] for row in taken})
    next_due: dict[str, Millis] = {}
    if dry:
        wanted = rows_json(msgspec.structs.asdict(claims[index]) for index in sorted(dry))
        next_due = {endpoint: at for endpoint, at in connection.run(_NEXT_DUE, {"want": wanted}) if at}
    return [Claimed(rows, next_due.get(claim.endpoint)) for claim, rows in zip(claims, got, strict=True)]


def _asking(claims: Sequence[Claim], got: list[list[OutboxRow]], dry: set[int]) -> dict[str, int]:
    """The claims that want another row, at most one per endpoint."""
    return {
        claim.endpoint: index
        for index, claim in enumerate(claims)
        if index not in dry and len(got[index]) < claim.most
    }


class Body(msgspec.Struct, frozen=True):
    """The message of a leased row, fixed before its first byte leaves."""

    row: OutboxRow
    body: str


_LEASE_SPEC = "id bigint, lease_owner text, lease_until bigint"
_HELD = (
    "outbox.state = 'pending' AND outbox.lease_owner = {0}.lease_owner "
    "AND outbox.lease_until = {0}.lease_until"
)
_BODY = Statement(
    f"UPDATE outbox SET body = made.body FROM {{rows:made({_LEASE_SPEC}, body text)}} "  # noqa: S608 - constant columns
    f"WHERE outbox.id = made.id AND {_HELD.format('made')} RETURNING outbox.id"
)


def _lease(row: OutboxRow) -> dict[str, Any]:
    return {"id": row.id, "lease_owner": row.lease_owner, "lease_until": row.lease_until}


def _keep_bodies(connection: Connection, bodies: Sequence[Body]) -> list[bool]:
    made = rows_json({**_lease(item.row), "body": item.body} for item in bodies)
    kept = {row[0] for row in connection.run(_BODY, {"made": made})}
    return [item.row.id in kept for item in bodies]


class Tried(msgspec.Struct, frozen=True):
    """How one try of a leased row went, and what becomes of the row."""

    row: OutboxRow
    delivery: Delivery
    state: str
    """``delivered``, ``dead``, ``dropped``, or ``pending`` to be tried again at ``next_try_at``."""
    next_try_at: Millis


# A failed earlier stage is not tried again once the terminal row exists.
_TRIED = Statement(
    "UPDATE outbox SET tries = outbox.tries + 1, lease_owner = NULL, lease_until = NULL, "  # noqa: S608 - constant columns
    "next_try_at = tried.next_try_at, "
    "body = CASE WHEN tried.state = 'pending' THEN outbox.body ELSE '' END, "
    "state = CASE WHEN tried.state = 'pending' AND outbox.stage <> 'end' AND EXISTS ("
    "SELECT 1 FROM outbox l WHERE l.task_id = outbox.task_id AND l.stage = 'end') "
    "THEN 'dropped' ELSE tried.state END "
    f"FROM {{rows:tried({_LEASE_SPEC}, state text, next_try_at bigint)}} "
    f"WHERE outbox.id = tried.id AND {_HELD.format('tried')} "
    "RETURNING outbox.id, outbox.task_id, outbox.number, outbox.stage, outbox.state, outbox.next_try_at"
)
# What comes after a finished row is due now; what comes after one that is tried again, not before it.
_FOLLOW = Statement(
    "UPDATE outbox SET next_try_at = earlier.next_try_at "
    "FROM {rows:earlier(task_id text, number int, next_try_at bigint)} "
    "WHERE outbox.task_id = earlier.task_id AND outbox.state = 'pending' "
    "AND outbox.number > earlier.number AND outbox.lease_owner IS NULL"
)


def _record(connection: Connection, tries: Sequence[Tried]) -> list[str | None]:
    deliveries.insert(connection, [item.delivery for item in tries])
    rows = [{**_lease(item.row), "state": item.state, "next_try_at": item.next_try_at} for item in tries]
    changed = connection.run(_TRIED, {"tried": rows_json(rows)})
    ended_at = {item.row.id: item.delivery.at + item.delivery.duration_ms for item in tries}
    earlier = [
        {"task_id": task_id, "number": number, "next_try_at": at if state == "pending" else ended_at[row_id]}
        for row_id, task_id, number, stage, state, at in changed
        if stage != END
    ]
    if earlier:
        connection.run(_FOLLOW, {"earlier": rows_json(earlier)})
    states: dict[int, str] = {row[0]: row[4] for row in changed}
    return [states.get(item.row.id) for item in tries]


class HandBack(msgspec.Struct, frozen=True):
    """Give up the lease of a row that was not recorded; it is due again at once."""

    row: OutboxRow
    now: Millis


_HAND_BACK = Statement(
    "UPDATE outbox SET lease_owner = NULL, lease_until = NULL, next_try_at = back.now "  # noqa: S608 - constant columns
    f"FROM {{rows:back({_LEASE_SPEC}, now bigint)}} WHERE outbox.id = back.id AND {_HELD.format('back')}"
)


def _hand_back(connection: Connection, items: Sequence[HandBack]) -> list[None]:
    connection.run(_HAND_BACK, {"back": rows_json({**_lease(item.row), "now": item.now} for item in items)})
    return [None] * len(items)


_TAKE_BACK = Statement(
    "UPDATE outbox SET lease_owner = NULL, lease_until = NULL, next_try_at = :now "
    "WHERE state = 'pending' AND lease_owner IN (SELECT owner FROM {rows:gone(owner text)})"
)


def take_back(connection: Connection, owners: Sequence[str], now: Millis) -> None:
    """Make due at once what deliverers that are known to be dead had leased."""
    connection.run(_TAKE_BACK, {"gone": rows_json({"owner": owner} for owner in owners), "now": now})


CLAIM: Kind[Claim, Claimed] = Kind("outbox.claim", 50, _claim)
BODY: Kind[Body, bool] = Kind("outbox.body", 51, _keep_bodies)
"""False: the lease was lost, so nothing may be sent."""
TRIED: Kind[Tried, str | None] = Kind("outbox.tried", 52, _record)
"""The row's state after the try; None when the lease was lost and only the delivery was noted."""
HAND_BACK: Kind[HandBack, None] = Kind("outbox.hand_back", 53, _hand_back)
