"""Connections to the two databases behind one small face: open, run a statement, begin, commit, roll back."""

import os
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from souk.store.listed import listed_as
from souk.store.release import OURS
from souk.store.statement import Dialect, Statement

SQLITE_BUSY_SECONDS = 10.0
WRITER_CACHE_KB = 16_000
READER_CACHE_KB = 2_000
"""Readers look at what was written a moment ago, which the system has in memory anyway."""
STALLED_TRANSACTION_SECONDS = 20
"""PostgreSQL ends a transaction whose process was stopped in the middle: its row locks would hold up every other."""
DEAD_PEER_SECONDS = 20
"""How long a server that has gone without a word is waited for."""

Row = tuple[Any, ...]


class DatabaseError(Exception):
    """The database refused or could not be reached."""


class Retry(DatabaseError):
    """A deadlock, a serialization failure or a busy database: nothing was written, run it again."""


class Lost(DatabaseError):
    """The connection broke. Whether a commit under way was carried out is unknown."""


class Conflict(DatabaseError):
    """A constraint refused the write."""


class Connection(Protocol):
    """One connection, used by one thread at a time."""

    dialect: Dialect

    def run(self, statement: Statement, params: Mapping[str, Any] | None = None) -> list[Row]: ...
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Database:
    """Where the data lives; opens connections to it."""

    url: str
    process_name: str = OURS.process_name
    """What a server lists the connections under, with the keys."""
    keys: tuple[str, ...] = ()
    """Marks of the secret keys that this process knows, the newest first; none if it needs no key."""

    @property
    def dialect(self) -> Dialect:
        return Dialect.SQLITE if self.url.startswith("sqlite:") else Dialect.POSTGRESQL

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(unquote(urlsplit(self.url).path))

    @property
    def place(self) -> str:
        """Where it is, in words, without its password."""
        if self.dialect is Dialect.SQLITE:
            return str(self.path)
        address = _ADDRESS.match(self.url.split("://", 1)[1].rpartition("@")[2])
        host, port, name = address.groups("") if address else ("", "", "")
        return f"postgresql://{host}{port or ':5432'}{name}"

    def connect(self, *, read_only: bool = False) -> Connection:
        """Open a connection. Raises Lost when the database cannot be reached."""
        if self.dialect is Dialect.SQLITE:
            return SqliteConnection(self.path, read_only)
        try:
            return PostgresConnection(self.url, listed_as(self.process_name, self.keys), read_only)
        except Lost as error:
            told = without_password(str(error), self.url)
            raise Lost(f"cannot reach the database {self.place} (SOUK_DATABASE_URL): {told}") from None


_ADDRESS = re.compile(r"(\[[^\]]*\]|[^:/?#]*)(:\d+)?(/[^?#]*)?")
"""Host, port and name, and nothing after them: a mistyped URL may have its password anywhere."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def without_password(told: str, url: str) -> str:
    """A driver's complaint without the quoted words in which it repeats a part of the URL's password."""
    pieces = re.split(r"[@:/?]", url.split("://", 1)[1].rpartition("@")[0].partition(":")[2])
    pieces += re.findall(r"[?&]password=([^&]+)", url)

    def shown(quoted: re.Match[str]) -> str:
        return "…" if any(piece and piece in quoted[0] for piece in pieces) else quoted[0]

    return _QUOTED.sub(shown, told)


def sqlite_url(path: Path) -> str:
    return f"sqlite://{path.absolute()}"


class SqliteConnection:
    """SQLite in WAL mode with full durability: a commit is on disk when it returns."""

    dialect = Dialect.SQLITE

    def __init__(self, path: Path, read_only: bool) -> None:
        self._read_only = read_only
        if not read_only and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            self._raw = sqlite3.connect(
                path,
                timeout=SQLITE_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            for pragma in _PRAGMAS:
                self._raw.execute(pragma)
            self._raw.execute(f"PRAGMA cache_size=-{READER_CACHE_KB if read_only else WRITER_CACHE_KB}")
            if read_only:
                self._raw.execute("PRAGMA query_only=ON")
        except sqlite3.Error as error:
            told = _sqlite_error(error)
            raise type(told)(f"cannot open the database {path}: {told}") from error

    def run(self, statement: Statement, params: Mapping[str, Any] | None = None) -> list[Row]:
        try:
            return self._raw.execute(statement.sql(Dialect.SQLITE), params or {}).fetchall()
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error

    def begin(self) -> None:
        self._execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._execute("COMMIT")

    def rollback(self) -> None:
        if self._raw.in_transaction:
            self._execute("ROLLBACK")

    def close(self) -> None:
        self._raw.close()

    def backup_to(self, path: Path) -> None:
        """Copy the database as of one moment into a new file."""
        with sqlite3.connect(path) as target:
            self._raw.backup(target)
        target.close()

    def _execute(self, sql: str) -> None:
        try:
            self._raw.execute(sql)
        except sqlite3.Error as error:
            raise _sqlite_error(error) from error


_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=OFF",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA journal_size_limit=67108864",
)


def _sqlite_error(error: sqlite3.Error) -> DatabaseError:
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(str(error))
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return Retry(str(error))
    return DatabaseError(str(error))


KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": DEAD_PEER_SECONDS // 2,
    "keepalives_interval": DEAD_PEER_SECONDS // 4,
    "keepalives_count": 2,
    "tcp_user_timeout": DEAD_PEER_SECONDS * 1000,
}
_STALLED = f"SET idle_in_transaction_session_timeout = '{STALLED_TRANSACTION_SECONDS}s'"


class PostgresConnection:
    """PostgreSQL through psycopg 3, read committed, with server-side prepared statements."""

    dialect = Dialect.POSTGRESQL

    def __init__(self, url: str, name: str, read_only: bool) -> None:
        import psycopg

        self._psycopg = psycopg
        try:
            self._raw = psycopg.connect(
                url, autocommit=True, connect_timeout=10, application_name=name, **KEEPALIVE
            )
            self._raw.prepare_threshold = 2
            self._execute(_STALLED)
            if read_only:
                self._raw.execute("SET default_transaction_read_only = on")
        except psycopg.Error as error:
            raise Lost(first_line(error)) from error

    def run(self, statement: Statement, params: Mapping[str, Any] | None = None) -> list[Row]:
        return self._execute(statement.sql(Dialect.POSTGRESQL), params or {})

    def begin(self) -> None:
        self._execute("BEGIN")

    def commit(self) -> None:
        self._execute("COMMIT")

    def rollback(self) -> None:
        if self._raw.closed:
            raise Lost("the connection to PostgreSQL is closed")
        self._execute("ROLLBACK")

    def close(self) -> None:
        self._raw.close()

    def _execute(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        errors = self._psycopg.errors
        try:
            cursor = self._raw.execute(sql, params)  # pyright: ignore[reportArgumentType] - the text comes from a Statement, never from a request
            return cursor.fetchall() if cursor.description else []
        except (errors.DeadlockDetected, errors.SerializationFailure) as error:
            raise Retry(first_line(error)) from error
        except errors.IntegrityError as error:
            raise Conflict(first_line(error)) from error
        except self._psycopg.Error as error:
            # A server that ends a connection says so first; the connection only looks broken when that was read.
            if self._raw.closed or self._raw.broken or error.diag.severity_nonlocalized == "FATAL":
                raise Lost(first_line(error)) from error
            raise DatabaseError(first_line(error)) from error


def first_line(error: Exception) -> str:
    """The error without the row it quotes, which may hold a user's data."""
    return (str(error).splitlines() or [type(error).__name__])[0]
