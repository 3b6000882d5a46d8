"""The schema is told three times (tables, steps, scripts); these tests keep the three one."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from scripts.schema import DIALECTS, FOLDER, script
from souk.store.database import Database
from souk.store.migrate import migrate
from souk.store.release import HEAD, OURS, Half
from souk.store.stepping import known_steps, run_steps, sqlalchemy_engine
from souk.store.tables import metadata
from souk.store.version import current_version
from tests.schema_shape import shape_of


def _by_steps(database: Database) -> None:
    database.connect().close()
    assert run_steps(database, tuple(Half), OURS)[-1] == HEAD


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
    at_once = shape_of(database)
    assert current_version(database) == HEAD
    assert not migrate(database)
    engine = sqlalchemy_engine(database)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    engine.dispose()
    _by_steps(database)
    assert shape_of(database) == at_once


def test_this_version_says_which_steps_it_knows() -> None:
    steps = known_steps(OURS)
    newest = {half: max((step.version for step in steps if step.half is half), default="") for half in Half}
    assert (OURS.added, OURS.tightened) == (newest[Half.PRE], newest[Half.POST])


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_scripts_are_written_from_the_tables(name: str) -> None:
    assert (FOLDER / f"{name}.sql").read_text(encoding="utf-8") == script(DIALECTS[name])
