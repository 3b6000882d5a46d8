"""Bring a database to the schema this version of Souk expects."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from souk.store.database import Database, DatabaseError
from souk.store.statement import Dialect, Statement

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger("souk.store")

HEAD = "0001"
"""The newest step under ``migrations/versions``; a test keeps the two equal."""

_VERSION = Statement("SELECT version_num FROM alembic_version")
_ADVISORY_LOCK = 7_305_803_402_566_021


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
    """Run the missing steps, one process at a time. True if anything changed.

    Alembic is only loaded when there is something to do, which keeps an ordinary start fast.
    """
    if current_version(database) == HEAD:
        return False
    database.connect().close()  # makes the SQLite file, with its permissions and journal mode
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
