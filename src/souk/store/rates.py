"""How many chat requests accounts have made in their current window, over all processes."""

from collections.abc import Iterable

import msgspec

from souk.store.database import Connection
from souk.store.statement import Statement, rows_json


class RateRow(msgspec.Struct, array_like=True):
    """One row, fields in column order."""

    account_id: int
    started: int
    """When the window began, in milliseconds since the Unix epoch."""
    taken: int
    """Requests that processes have made in it, or may make without asking again."""


_LOCK = Statement(
    "SELECT account_id, started, taken FROM chat_rates "
    "WHERE account_id IN (SELECT id FROM {rows:wanted(id bigint)}) ORDER BY account_id {for_update}"
)
_ENTER = Statement(
    "INSERT INTO chat_rates (account_id) SELECT id FROM {rows:wanted(id bigint)} WHERE true ORDER BY id "
    "ON CONFLICT (account_id) DO NOTHING"
)
_STORE = Statement(
    "UPDATE chat_rates SET started = rates.begun, taken = rates.made "
    "FROM {rows:rates(account bigint, begun bigint, made bigint)} WHERE account_id = rates.account"
)


def locked(connection: Connection, accounts: Iterable[int]) -> dict[int, RateRow]:
    """The rows of these accounts, which no other process changes until the commit."""
    wanted = sorted(set(accounts))
    params = {"wanted": rows_json({"id": account_id} for account_id in wanted)}
    rows = connection.run(_LOCK, params)
    if len(rows) < len(wanted):
        connection.run(_ENTER, params)
        rows = connection.run(_LOCK, params)
    return {row[0]: RateRow(*row) for row in rows}


def store(connection: Connection, rates: Iterable[RateRow]) -> None:
    """Write rows back."""
    rows = [{"account": row.account_id, "begun": row.started, "made": row.taken} for row in rates]
    connection.run(_STORE, {"rates": rows_json(rows)})
