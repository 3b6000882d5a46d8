"""The schema is told three times (tables, steps, scripts); these tests keep the three one."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from scripts.schema import DIALECTS, FOLDER, script
from souk.store.database import Database
from souk.store.migrate import HEAD, alembic_config, current_version, migrate, sqlalchemy_engine
from souk.store.tables import metadata


def _by_steps(database: Database) -> None:
    database.connect().close()
    engine = sqlalchemy_engine(database)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def _shape(database: Database) -> dict[str, Any]:
    engine = sqlalchemy_engine(database)
    look = inspect(engine)
    shape = {
        table: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in look.get_columns(table)
            ),
            sorted(
                (str(i["name"]), tuple(map(str, i["column_names"])), bool(i["unique"]))
                for i in look.get_indexes(table)
            ),
            look.get_pk_constraint(table)["constrained_columns"],
        )
        for table in look.get_table_names()
    }
    engine.dispose()
    return shape


def test_the_steps_lead_to_the_tables_as_described(database_url: str) -> None:
    database = Database(database_url)
    _by_steps(database)
    engine = sqlalchemy_engine(database)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_a_database_made_at_once_is_like_one_made_in_steps(
    database_url: str, tmp_path: Path, request: Any
) -> None:
    database = Database(database_url)
    assert migrate(database)
    at_once = _shape(database)
    assert current_version(database) == HEAD
    assert not migrate(database)
    engine = sqlalchemy_engine(database)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    engine.dispose()
    _by_steps(database)
    assert _shape(database) == at_once


def test_head_is_the_newest_step() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == HEAD


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_scripts_are_written_from_the_tables(name: str) -> None:
    assert (FOLDER / f"{name}.sql").read_text(encoding="utf-8") == script(DIALECTS[name])
