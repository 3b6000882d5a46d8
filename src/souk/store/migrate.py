"""Bring a database to the schema this version of Souk expects."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from souk.store.database import Database, DatabaseError
from souk.store.statement import Dialect, Statement

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger("souk.store")

HEAD = "0006"
"""The newest step under ``migrations/versions``; a test keeps the two equal."""

_VERSION = Statement("SELECT version_num FROM alembic_version")
_ADVISORY_LOCK = 7_305_803_402_566_021
_LOCK = Statement("SELECT pg_advisory_xact_lock(:lock)")
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


def current_version(database: Database) -> str | None:
    """The schema version the database is at; None for an empty one."""
    if database.dialect is Dialect.SQLITE and not database.path.exists():
        return None
    connection = database.connect()
    try:
        rows = connection.run(_VERSION)
    except DatabaseError as error:
        if "alembic_version" in str(error):
            return None
        raise
    finally:
        connection.close()
    return str(rows[0][0]) if rows else None


def migrate(database: Database) -> bool:
    """Bring the schema to HEAD, one process at a time. True if anything changed.

    An empty database gets the whole schema at once; Alembic, which takes its time to load, is only needed to run the
    steps from an earlier version.
    """
    version = current_version(database)
    if version == HEAD:
        return False
    if version is None and _create(database):
        log.info("database created", extra={"version": HEAD})
        return True
    return _upgrade(database)


def _create(database: Database) -> bool:
    """Make every table in one transaction; False when another process was quicker."""
    script = (Path(__file__).parent / "schema" / f"{database.dialect}.sql").read_text(encoding="utf-8")
    connection = database.connect()
    try:
        connection.begin()
        if database.dialect is Dialect.POSTGRESQL:
            connection.run(_LOCK, {"lock": _ADVISORY_LOCK})
        if connection.run(_HAS_VERSION[database.dialect])[0][0]:
            connection.rollback()
            return False
        for text in script.split(";\n"):
            if text.strip():
                connection.run(Statement(text))
        connection.run(_MAKE_VERSION)
        connection.run(_WRITE_VERSION, {"version": HEAD})
        connection.commit()
    finally:
        connection.close()
    return True


def _upgrade(database: Database) -> bool:
    from alembic import command
    from sqlalchemy import text

    engine = sqlalchemy_engine(database)
    try:
        with engine.begin() as connection:
            if database.dialect is Dialect.POSTGRESQL:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
    log.info("database migrated", extra={"version": HEAD})
    return True


def alembic_config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def sqlalchemy_engine(database: Database) -> "Engine":
    """An SQLAlchemy engine, for migrations and their tests only."""
    from sqlalchemy import NullPool, create_engine

    if database.dialect is Dialect.SQLITE:
        return create_engine(f"sqlite:///{database.path}", poolclass=NullPool)
    rest = database.url.split("://", 1)[1]
    return create_engine(f"postgresql+psycopg://{rest}", poolclass=NullPool)


if TYPE_CHECKING:
    from alembic.config import Config
