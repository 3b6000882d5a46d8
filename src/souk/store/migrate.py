"""Bring a database to a schema this version of Souk works with, or say why it cannot be.

Steps come in two halves (:class:`~souk.store.release.Half`), so that a new version can join the processes of an old
one: what adds runs before, what takes away runs after.
"""

import logging
import time
from enum import StrEnum
from pathlib import Path

from souk.store.alone import alone
from souk.store.database import Connection, Database, DatabaseError
from souk.store.release import OURS, Half, Release
from souk.store.statement import Dialect, Statement
from souk.store.version import BadSchema, current_version

log = logging.getLogger("souk.store")

_NOT_ALLOWED = "42501"
"""SQLSTATE of what a role may not do."""
_TIGHTENED = Statement("SELECT COALESCE(max(version), '') FROM post_steps")
_HAS_VERSION = {
    Dialect.SQLITE: Statement("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"),
    Dialect.POSTGRESQL: Statement(
        "SELECT CASE WHEN to_regclass('alembic_version') IS NULL THEN 0 ELSE 1 END"
    ),
}
_MAKE_VERSION = Statement(
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
_WRITE_VERSION = Statement("INSERT INTO alembic_version (version_num) VALUES (:version)")
_WRITE_TIGHTENED = Statement("INSERT INTO post_steps (version, at) VALUES (:version, :at)")


class Fit(StrEnum):
    """How a database's schema suits a version of Souk."""

    EMPTY = "empty"
    BEHIND = "behind"
    """Steps of the pre half are missing: this version cannot work yet."""
    LOOSE = "loose"
    """Only steps of the post half are missing."""
    EXACT = "exact"
    AHEAD = "ahead"
    """A newer version has added to it, nothing that disturbs this one."""
    BEYOND = "beyond"
    """A newer version has taken away what this one needs."""

    @property
    def works(self) -> bool:
        return self in (Fit.LOOSE, Fit.EXACT, Fit.AHEAD)


def fit(database: Database, release: Release = OURS) -> Fit:
    """How the database suits a version of Souk."""
    version = current_version(database)
    if version is None:
        return Fit.EMPTY
    if version == release.head:
        return Fit.EXACT
    if version < release.head:
        return Fit.LOOSE if version >= release.added else Fit.BEHIND
    connection = database.connect()
    try:
        tightened = str(connection.run(_TIGHTENED)[0][0])
    finally:
        connection.close()
    return Fit.AHEAD if tightened <= release.head else Fit.BEYOND


def require(database: Database, release: Release = OURS) -> Fit:
    """How the database suits, if this version can work with it. Raises BadSchema saying what to do."""
    found = fit(database, release)
    if found is Fit.BEHIND:
        raise BadSchema(
            f"the database has schema {current_version(database)} and this Souk works with {release.head}; "
            "run `souk migrate`"
        )
    if found is Fit.BEYOND:
        raise BadSchema(
            f"the database has schema {current_version(database)}, from which newer versions of Souk have removed "
            f"what this one needs (it knows {release.head}); install the newer version here"
        )
    return found


def migrate(database: Database, release: Release = OURS) -> bool:
    """What every start does: make the schema, or add what is missing. True if anything changed.

    On PostgreSQL the post half is left to ``souk migrate``: processes of the old version may still be there, or be
    wanted back. On SQLite there is one process, and it does both. Raises BadSchema.
    """
    found = fit(database, release)
    if found in (Fit.EXACT, Fit.AHEAD):
        return False
    if found is Fit.EMPTY and _create(database, release):
        return True
    single = database.dialect is Dialect.SQLITE
    if found is Fit.LOOSE and not single:
        log.info("the post half of the schema waits for `souk migrate --post`")
        return False
    if found is not Fit.BEYOND:
        upgrade(database, tuple(Half) if single else (Half.PRE,), release)
    require(database, release)
    return found is not Fit.EMPTY


def upgrade(database: Database, halves: tuple[Half, ...] = tuple(Half), release: Release = OURS) -> list[str]:
    """Run the missing steps of these halves, one process at a time; the steps that ran.

    A step of the post half that stands between missing steps of the pre half runs with them, if it may. Raises
    BadSchema when it may not: processes that do not know it are connected, and are named.
    """
    # Loaded here: it takes its time, and only a change of the schema needs it.
    from souk.store.stepping import run_steps

    if _create(database, release):
        return [release.head]
    with alone(database):
        return run_steps(database, halves, release)


def _create(database: Database, release: Release) -> bool:
    """Make every table in one transaction; False when there are tables already."""
    if current_version(database) is not None:
        return False
    with alone(database):
        connection = database.connect()
        try:
            connection.begin()
            if connection.run(_HAS_VERSION[database.dialect])[0][0]:
                connection.rollback()
                return False
            _make_tables(connection, release)
            connection.commit()
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") != _NOT_ALLOWED:
                raise
            raise BadSchema(
                f"cannot make the tables in {database.place} (SOUK_DATABASE_URL): {error}; its role must own the "
                "database: ALTER DATABASE … OWNER TO …"
            ) from error
        finally:
            connection.close()
    log.info("database created", extra={"version": release.head})
    return True


def _make_tables(connection: Connection, release: Release) -> None:
    script = Path(__file__).parent / "schema" / f"{connection.dialect}.sql"
    for text in script.read_text(encoding="utf-8").split(";\n"):
        if text.strip():
            connection.run(Statement(text))
    connection.run(_MAKE_VERSION)
    connection.run(_WRITE_VERSION, {"version": release.head})
    if release.tightened:
        moment = time.time_ns() // 1_000_000
        connection.run(_WRITE_TIGHTENED, {"version": release.tightened, "at": moment})
