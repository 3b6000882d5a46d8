"""Whole tables out of one database and into another, of either kind: what a backup is made of.

Rows travel as plain objects, column by column, in the order of their primary keys.
"""
# ruff: noqa: S608 - table and column names come from souk.store.tables

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Integer, Table

from souk.store.database import Connection
from souk.store.statement import Dialect, Statement, rows_json
from souk.store.tables import metadata

OF_THIS_PLACE = frozenset({"nodes", "lane_marks", "chat_rates", "post_steps"})
"""Tables that say which processes run, what they just did and what the schema is like: true of one moment and place."""
PAGE = 2000

_NOBODYS = {
    ("tasks", "lease_owner"): "NULL",
    ("outbox", "lease_owner"): "NULL",
    ("outbox", "lease_until"): "NULL",
    ("blocks", "lease_until"): "0",
}
"""What says which process holds a row, and what says that none does: none will where the row goes."""


def table_names() -> list[str]:
    """The tables a backup holds."""
    return [table.name for table in metadata.sorted_tables if table.name not in OF_THIS_PLACE]


def read_table(connection: Connection, name: str) -> Iterator[list[dict[str, Any]]]:
    """All rows of a table, a page at a time, as rows that no process holds."""
    table = metadata.tables[name]
    columns = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    first, following = _page(table, keys, after=False), _page(table, keys, after=True)
    params: dict[str, Any] = {"most": PAGE}
    rows = [dict(zip(columns, row, strict=True)) for row in connection.run(first, params)]
    while rows:
        yield rows
        params |= {f"k_{key}": rows[-1][key] for key in keys}
        rows = [dict(zip(columns, row, strict=True)) for row in connection.run(following, params)]


def write_rows(connection: Connection, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows to a table as they were."""
    table = metadata.tables[name]
    columns = ", ".join(column.name for column in table.columns)
    spec = ", ".join(f"{column.name} {_kind(column.type)}" for column in table.columns)
    text = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {{rows:loaded({spec})}}"
    connection.run(Statement(text), {"loaded": rows_json(rows)})


def is_empty(connection: Connection, name: str) -> bool:
    """Whether a table has no rows."""
    return not connection.run(Statement(f"SELECT 1 FROM {metadata.tables[name].name} LIMIT 1"))


def number_on(connection: Connection) -> None:
    """Have new rows numbered after the loaded ones."""
    if connection.dialect is Dialect.SQLITE:
        return  # numbers new rows after the highest one by itself
    for name in table_names():
        table = metadata.tables[name]
        if "id" in table.columns and isinstance(table.columns["id"].type, Integer):
            connection.run(
                Statement(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "
                    f"COALESCE((SELECT max(id) FROM {name}), 0) + 1, false)"
                )
            )


def _page(table: Table, keys: list[str], *, after: bool) -> Statement:
    columns = ", ".join(_NOBODYS.get((table.name, column.name), column.name) for column in table.columns)
    order = ", ".join(keys)
    values = ", ".join(f":k_{key}" for key in keys)
    where = f"WHERE ({order}) > ({values}) " if after else ""
    return Statement(f"SELECT {columns} FROM {table.name} {where}ORDER BY {order} LIMIT :most")


def _kind(kind: object) -> str:
    return "bigint" if isinstance(kind, Integer) else "text"
