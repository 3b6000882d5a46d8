"""Reading lists and balances of an account."""

import msgspec

from souk.store import history
from souk.store.database import Connection
from souk.store.statement import Statement
from souk.store.tasks import TaskRow
from souk.words import Credits, TaskId

NEWEST = "g"
"""Sorts after every hex id."""
MOST = 100

_AVAILABLE = Statement(
    "SELECT available + COALESCE((SELECT sum(amount - spent) FROM blocks b WHERE b.account_id = p.account_id "
    "AND b.mode = p.mode), 0) FROM balances p WHERE account_id = :account_id AND mode = :mode"
)


class Wanted(msgspec.Struct, frozen=True):
    """Which tasks to list."""

    account_id: int
    mode: str
    limit: int
    before: str | None
    state: str | None
    """As on the wire: waiting, queuing, generating, success or fail."""
    model: str | None


_INNER_STATES = {"queuing": ("queuing", "submitting"), "generating": ("generating", "storing", "review")}


def newest(connection: Connection, wanted: Wanted) -> tuple[list[TaskRow], TaskId | None]:
    """The newest tasks that fit, and where to go on; None at the end."""
    states = _INNER_STATES.get(wanted.state, (wanted.state,)) if wanted.state else ()
    return history.newest(
        connection,
        account_id=wanted.account_id,
        mode=wanted.mode,
        before=wanted.before or NEWEST,
        states=states,
        model=wanted.model or "",
        limit=max(1, min(wanted.limit, MOST)),
    )


def available(connection: Connection, account_id: int, mode: str) -> Credits:
    """What a purse can still hold, with what chat holds ahead and has not spent."""
    rows = connection.run(_AVAILABLE, {"account_id": account_id, "mode": mode})
    return Credits(int(rows[0][0]) if rows else 0)
