"""Runs steps of the schema by Alembic, each in a transaction of its own, never in the way of running work for long."""

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from souk.store.database import SQLITE_BUSY_SECONDS, Database, DatabaseError
from souk.store.others import staying
from souk.store.release import Half, Release
from souk.store.statement import Dialect
from souk.store.version import BadSchema, current_version

log = logging.getLogger("souk.store")

LOCK_SECONDS = 2
"""How long a step waits for a table, and with it everybody who wants the table after it."""
TRIES = 60
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SchemaStep:
    """One file of ``migrations/versions``."""

    version: str
    half: Half


def known_steps(release: Release) -> list[SchemaStep]:
    """Every step of a version of Souk, the oldest first."""
    found = ScriptDirectory.from_config(_config(release)).walk_revisions()
    steps = [SchemaStep(script.revision, Half(script.module.half)) for script in found]
    return sorted(steps, key=lambda step: step.version)


def run_steps(database: Database, halves: tuple[Half, ...], release: Release) -> list[str]:
    """Run the missing steps up to the last one of these halves; what ran. Raises BadSchema or DatabaseError."""
    version = current_version(database) or ""
    missing = [step for step in known_steps(release) if step.version > version]
    if halves == (Half.POST,) and version < release.added:
        raise BadSchema("the pre half of the schema comes first: run `souk migrate --pre`")
    while missing and missing[-1].half not in halves:
        missing.pop()
    with _engine(database) as engine:
        for step in missing:
            if step.half is Half.POST:
                _check_nobody_older(database, step)
            _run(engine, step, release)
            log.info("schema changed", extra={"version": step.version, "half": step.half.value})
    return [step.version for step in missing]


def _check_nobody_older(database: Database, step: SchemaStep) -> None:
    if others := staying(database, step.version):
        raise BadSchema(
            f"step {step.version} of the schema takes away what older processes need, and some are connected: "
            f"{'; '.join(map(str, others))}. Stop them, then run `souk migrate --post`"
        )


def _run(engine: Engine, step: SchemaStep, release: Release) -> None:
    """Run one step. Where a table is in use for long, let the others by and try again."""
    for left in reversed(range(TRIES)):
        try:
            with engine.connect() as connection:
                config = _config(release)
                config.attributes["connection"] = connection
                command.upgrade(config, step.version)
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            if not _in_use(error):
                raise DatabaseError(f"step {step.version} of the schema: {reason}") from error
            if not left:
                raise BadSchema(
                    f"step {step.version} of the schema found its table in use for long ({reason}); "
                    "let that end, a backup perhaps, and run it again"
                ) from error
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _in_use(error: DBAPIError) -> bool:
    """Whether somebody else's lock stood in the way (SQLSTATE 55P03)."""
    return getattr(error.orig, "sqlstate", "") == "55P03"


def _config(release: Release) -> Config:
    config = Config()
    config.set_main_option("script_location", _literal(Path(__file__).parent / "migrations"))
    config.set_main_option("version_locations", _literal(release.folder))
    config.set_main_option("path_separator", "newline")
    return config


def _literal(path: Path) -> str:
    """A path as Alembic's settings take it: to them a percent sign is the start of a name."""
    return str(path).replace("%", "%%")


@contextmanager
def _engine(database: Database) -> Generator[Engine]:
    engine = sqlalchemy_engine(database)
    try:
        yield engine
    finally:
        engine.dispose()


def sqlalchemy_engine(database: Database) -> Engine:
    """An SQLAlchemy engine whose transactions also hold changes of the schema, on both databases."""
    if database.dialect is Dialect.POSTGRESQL:
        rest = database.url.split("://", 1)[1]
        options = f"-c lock_timeout={LOCK_SECONDS}s"
        given = {"options": options}
        return create_engine(f"postgresql+psycopg://{rest}", poolclass=NullPool, connect_args=given)
    waiting = {"timeout": SQLITE_BUSY_SECONDS}
    engine = create_engine(f"sqlite:///{database.path}", poolclass=NullPool, connect_args=waiting)

    # The driver itself would begin no transaction before a change of the schema.
    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine
