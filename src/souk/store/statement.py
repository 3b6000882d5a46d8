"""SQL written once for both databases: named parameters and sets of rows handed over as one JSON parameter.

A statement's text may use ``:name`` parameters, and ``{rows:NAME(col type, …)}`` for a set of rows given as a
JSON array of objects in the parameter ``NAME``: ``json_each`` on SQLite, ``jsonb_to_recordset`` on PostgreSQL.
One set-based statement then serves a whole batch on either database, and the interpreter lock is released once.
``{skip_locked}`` and ``{for_update}`` are row-lock clauses on PostgreSQL and nothing on SQLite, where the writer
already holds the whole database. ``{moment}`` is the time now by the database's clock, which all machines have in
common; on SQLite, with its one machine, it is the parameter ``:now``.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_ROWS = re.compile(r"\{rows:(\w+)\(([^)]*)\)\}")
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""An escaped NUL in JSON, and not the text of one whose backslash is escaped itself."""
_MOMENT = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
_PARAM = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class Dialect(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Statement:
    """One SQL text, ready for each database."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._by_dialect = {
            Dialect.SQLITE: _for_sqlite(text),
            Dialect.POSTGRESQL: _for_postgresql(text),
        }

    def sql(self, dialect: Dialect) -> str:
        """The text as this database's driver takes it."""
        return self._by_dialect[dialect]


def rows_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """A set of rows as the JSON text that a ``{rows:…}`` parameter takes.

    Texts lose their NUL characters, which no text column of PostgreSQL can keep: one in an upstream's words must not
    stop the step that tells of them.
    """
    text = _encode(list(rows)).decode()
    return _NUL.sub(r"\1", text) if "\\u0000" in text else text


def _columns(spec: str) -> list[tuple[str, str]]:
    pairs = [part.split() for part in spec.split(",")]
    return [(name, kind) for name, kind in pairs]


def _for_sqlite(text: str) -> str:
    def source(match: re.Match[str]) -> str:
        name, spec = match.groups()
        picks = ", ".join(f"value ->> '$.{column}' AS {column}" for column, _ in _columns(spec))
        return f"(SELECT {picks} FROM json_each(:{name})) AS {name}"  # noqa: S608 - names from our own statements

    text = _ROWS.sub(source, text).replace("{moment}", ":now")
    return text.replace("{skip_locked}", "").replace("{for_update}", "")


def _for_postgresql(text: str) -> str:
    def source(match: re.Match[str]) -> str:
        name, spec = match.groups()
        return f"jsonb_to_recordset(CAST(:{name} AS jsonb)) AS {name}({spec})"

    text = _ROWS.sub(source, text).replace("{moment}", _MOMENT)
    text = text.replace("{skip_locked}", "FOR UPDATE SKIP LOCKED").replace("{for_update}", "FOR UPDATE")
    return _PARAM.sub(r"%(\1)s", text.replace("%", "%%"))
