"""Locking the balances a transaction will change, before it locks anything else."""

from collections.abc import Iterable

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json

_LOCK = Statement(
    "SELECT account_id FROM balances WHERE account_id IN (SELECT id FROM {rows:wanted(id bigint)}) "
    "ORDER BY account_id, mode {for_update}"
)


def lock_all(connection: Connection, accounts: Iterable[int]) -> None:
    """Lock the balances of these accounts in id order: two processes then wait for each other one way round."""
    wanted = rows_json({"id": account_id} for account_id in sorted(set(accounts)))
    connection.run(_LOCK, {"wanted": wanted})
