"""One database for all simulated processes: the real statements, run by SQLite in memory, and faults on the way to it.

Processes' writers see it as PostgreSQL shows itself, with connections that break and commits whose answer is lost.
Triggers watch every change of a task while it is made.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import souk.store
from souk.store.database import Database, Lost, Retry, Row, SqliteConnection
from souk.store.statement import Dialect, Statement
from souk.words import CREDIT

SCHEMA = (Path(souk.store.__file__).parent / "schema" / "sqlite.sql").read_text()
ACCOUNTS = 3
CREDITS = 1_000_000 * CREDIT
_ALLOWED = (
    "waiting>queuing waiting>fail queuing>submitting queuing>generating queuing>fail "
    "submitting>generating submitting>storing submitting>queuing submitting>review submitting>fail "
    "review>generating review>storing review>queuing review>fail "
    "generating>storing generating>queuing generating>success generating>fail storing>success storing>fail"
)
_WATCHES = {
    "a task that had ended was changed": "OLD.completed_at IS NOT NULL AND (NEW.state <> OLD.state "
    "OR NEW.completed_at IS NOT OLD.completed_at OR NEW.captured IS NOT OLD.captured "
    "OR NEW.result IS NOT OLD.result OR NEW.lease_owner IS NOT NULL)",
    "a state led to one it cannot lead to": "NEW.state <> OLD.state AND OLD.completed_at IS NULL "
    f"AND OLD.state || '>' || NEW.state NOT IN ({', '.join(repr(pair) for pair in _ALLOWED.split())})",
    "progress or epoch went back": "COALESCE(NEW.progress, -1) < COALESCE(OLD.progress, -1) "
    "OR NEW.epoch < OLD.epoch",
    "a task was given to a node that is not entered": "NEW.lease_owner IS NOT NULL "
    "AND NEW.lease_owner IS NOT OLD.lease_owner AND NEW.lease_owner NOT IN (SELECT id FROM nodes)",
    "a task was taken from its owner": "OLD.lease_owner IS NOT NULL AND NEW.lease_owner IS NOT NULL "
    "AND NEW.lease_owner <> OLD.lease_owner",
    "a step was written by a node without the lease": "NEW.state <> OLD.state AND OLD.lease_owner IS NOT NULL "
    "AND OLD.lease_owner <> writer()",
    "more was captured than was held": "NEW.captured > NEW.hold",
}
BALANCES = Statement("SELECT account_id, available, held FROM balances")


@dataclass
class Weather:
    """How a process reaches the database."""

    away_until: float = 0.0
    """The loop's time until which nothing gets through."""
    busy: bool = False
    """Every transaction is told to come again."""
    breaks: float = 0.0
    """The share of transactions on which the connection breaks."""


class SimDatabase(Database):
    """The one database; :meth:`seen_by` is how a process sees it."""

    raw: sqlite3.Connection
    writing: str
    """Whose transaction is under way."""

    @classmethod
    def new(cls) -> "SimDatabase":
        made = cls("postgresql://simulated.invalid/souk")
        raw = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=512
        )
        raw.deserialize(_template())
        _know(made, raw=raw, writing="")
        raw.create_function("writer", 0, lambda: made.writing)
        # What PostgreSQL has and one writer at a time does not need.
        raw.create_function("hashtext", 1, len)
        raw.create_function("pg_advisory_xact_lock", 1, lambda _: None)
        return made

    def reader(self) -> SqliteConnection:
        """A connection without faults, for looking at what became of it all."""
        return Reader(self.raw)

    def know_writer(self, writer: str) -> None:
        _know(self, writing=writer)

    def broken(self) -> list[str]:
        """What the watches saw."""
        return [f"{what}: {told}" for what, told in self.raw.execute("SELECT what, told FROM broken")]


class SeenDatabase(Database):
    """The database as one process sees it."""

    shared: SimDatabase
    writer: str
    weather: Weather
    chance: Random

    @classmethod
    def of(cls, shared: SimDatabase, writer: str, weather: Weather, chance: Random) -> "SeenDatabase":
        made = cls(shared.url)
        _know(made, shared=shared, writer=writer, weather=weather, chance=chance)
        return made

    def connect(self, *, read_only: bool = False) -> SqliteConnection:
        return Reader(self.shared.raw) if read_only else Writer(self)


def _know(frozen: Database, **facts: Any) -> None:
    """Tell a frozen object more about itself."""
    for name, value in facts.items():
        object.__setattr__(frozen, name, value)


class Reader(SqliteConnection):
    """The shared connection, for reading."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._read_only = True

    def close(self) -> None:
        self.rollback()


class Writer(SqliteConnection):
    """The shared connection as a process's lane has it: it breaks now and then, and looks like PostgreSQL's."""

    dialect = Dialect.POSTGRESQL

    def __init__(self, seen: SeenDatabase) -> None:
        self._raw = seen.shared.raw
        self._seen = seen
        self._read_only = False
        self._fault = ""

    def begin(self) -> None:
        seen = self._seen
        if seen.weather.busy:
            raise Retry("simulated: come again")
        chance = seen.chance.random()
        breaks = seen.weather.breaks
        self._fault = "" if chance > breaks else "before" if chance < breaks / 2 else "after"
        super().begin()
        seen.shared.know_writer(seen.writer)

    def run(self, statement: Statement, params: object = None) -> list[Row]:
        return super().run(statement, params)  # type: ignore[arg-type]

    def commit(self) -> None:
        if self._fault == "before":
            super().rollback()
            raise Lost("simulated: the connection broke before the commit")
        super().commit()
        if self._fault == "after":
            raise Lost("simulated: the connection broke before the commit's answer")

    def close(self) -> None:
        self.rollback()


_templates: list[bytes] = []


def _template() -> bytes:
    """A database with accounts and the watches, made once."""
    if not _templates:
        raw = sqlite3.connect(":memory:", isolation_level=None)
        raw.executescript(SCHEMA)
        raw.create_function("writer", 0, str)
        raw.execute("CREATE TABLE broken (what TEXT, told TEXT)")
        for number, (what, when) in enumerate(_WATCHES.items()):
            raw.execute(
                f"CREATE TRIGGER watch_{number} AFTER UPDATE ON tasks WHEN {when} BEGIN "  # noqa: S608 - our own
                f"INSERT INTO broken VALUES ('{what}', NEW.id || ' ' || OLD.state || ' to ' || NEW.state); END"
            )
        for account in range(1, ACCOUNTS + 1):
            raw.execute(
                "INSERT INTO accounts (id, name, segment, created_at, concurrency) VALUES (?, ?, ?, 1, ?)",
                (account, f"account-{account}", f"segment{account}", 8 if account == 1 else None),
            )
            raw.execute(
                "INSERT INTO keys (id, account_id, name, hash, hint, scope, mode, created_at) "
                "VALUES (?, ?, 'key', ?, '', 'user', 'live', 1)",
                (account, account, f"hash-{account}"),
            )
            raw.execute(
                "INSERT INTO balances (account_id, mode, available) VALUES (?, 'live', ?)", (account, CREDITS)
            )
            raw.execute(
                "INSERT INTO ledger (account_id, mode, kind, amount, created_at) VALUES (?, 'live', 'grant', ?, 1)",
                (account, CREDITS),
            )
        _templates.append(raw.serialize())
        raw.close()
    return _templates[0]
