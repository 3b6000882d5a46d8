"""An account's tasks from the newest back, page by page, at a cost that does not follow how many there are."""

from collections.abc import Iterable

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json
from souk.store.tasks import COLUMNS, TaskRow
from souk.words import TaskId

LOOKED_AT = 2_000
"""How far back one look for tasks of some state or model goes, so that it costs the same however many there are."""

_OF_PURSE = (
    # Compared as a whole and ordered as a whole, so that nothing but the index over all three will do. By the primary
    # key alone, a database would look for a small account's tasks among everybody's.
    "FROM tasks WHERE (account_id, mode, id) < (:account_id, :mode, :before) "
    "AND (account_id, mode) >= (:account_id, :mode) ORDER BY account_id DESC, mode DESC, id DESC"
)
_NEWEST = Statement(
    f"SELECT {COLUMNS} FROM (SELECT {COLUMNS} {_OF_PURSE} LIMIT :look) AS looked "  # noqa: S608 - constant column names
    "WHERE (:model = '' OR model = :model) "
    "AND (:any_state = 1 OR state IN (SELECT state FROM {rows:wanted(state text)})) "
    "ORDER BY account_id DESC, mode DESC, id DESC LIMIT :limit"
)
_LAST_LOOKED_AT = Statement(f"SELECT id {_OF_PURSE} LIMIT 1 OFFSET :look - 1")


def newest(
    connection: Connection,
    *,
    account_id: int,
    mode: str,
    before: str,
    states: Iterable[str],
    model: str,
    limit: int,
) -> tuple[list[TaskRow], TaskId | None]:
    """An account's tasks, newest first; no states or an empty model mean any.

    The second answer is where to go on, None at the end. With states or a model only the next ``LOOKED_AT`` tasks are
    looked at, so there may be fewer than ``limit`` and still more to find.
    """
    wanted = [{"state": state} for state in states]
    look = LOOKED_AT if wanted or model else limit
    purse = {"account_id": account_id, "mode": mode, "before": before, "look": look}
    named = {"model": model, "any_state": 0 if wanted else 1, "wanted": rows_json(wanted), "limit": limit}
    found = [TaskRow(*row) for row in connection.run(_NEWEST, {**purse, **named})]
    if len(found) == limit:
        return found, found[-1].id
    last = connection.run(_LAST_LOOKED_AT, purse) if look > limit else []
    return found, last[0][0] if last else None
