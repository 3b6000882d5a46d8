"""Two halves: what adds runs beside older versions, what takes away only when none of them is left."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from souk.store import assets
from souk.store.database import Connection, Database, DatabaseError
from souk.store.migrate import Fit, fit, migrate, require, upgrade
from souk.store.release import HEAD, OURS, Half, Release
from souk.store.statement import Dialect, Statement
from souk.store.stepping import known_steps, run_steps
from souk.store.version import BadSchema, current_version
from tests.conftest import ROOT
from tests.later_release import ADDED, TIGHTENED, later_release, write_step
from tests.schema_shape import disturbed, shape_of
from tests.unit.command import Command, souk_on
from tests.unit.shelf import asset

PRE, POST, BOTH = (Half.PRE,), (Half.POST,), tuple(Half)
FOUNDATION = "0001"


@pytest.fixture
def database(migrated_url: str) -> Database:
    return Database(migrated_url)


@pytest.fixture
def later(tmp_path: Path) -> Release:
    return later_release(tmp_path / "steps at 100%")


@pytest.fixture
def newer(migrated_url: str, later: Release) -> Database:
    """The same database as the processes of the later version open it."""
    return Database(migrated_url, later.process_name)


@pytest.fixture
def old_process(migrated_postgres_url: str) -> Iterator[Connection]:
    """A connection such as every process of this version has."""
    connection = Database(migrated_postgres_url).connect()
    yield connection
    connection.close()


def as_of(version: str, folder: Path) -> Release:
    """The steps up to this one, copied to a new folder."""
    folder.mkdir()
    for file in OURS.folder.glob("[0-9]*.py"):
        if file.name[: len(version)] <= version:
            shutil.copy(file, folder)
    return Release(version, folder=folder)


def test_steps_of_the_pre_half_only_add(database_url: str, tmp_path: Path) -> None:
    """Whatever a step does and however, the schema afterwards must serve those who know the one before."""
    database = Database(database_url)
    database.connect().close()
    for step in known_steps(OURS):
        before = shape_of(database) if step.version > FOUNDATION else {}
        assert run_steps(database, BOTH, as_of(step.version, tmp_path / step.version)) == [step.version]
        if step.half is Half.PRE:
            assert disturbed(before, shape_of(database)) == [], step


def test_files_are_found_with_and_without_an_index_of_their_paths(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    connection = database.connect()
    run_steps(database, BOTH, as_of("0010", tmp_path / "before"))
    rows = [asset("seg/a.png", b"x", task_id="1" * 32), asset("seg/b.png", b"y", expires_at=9)]
    assets.insert(connection, rows)
    found = {row.path: row for row in rows}
    assert assets.find(connection, found) == found
    assert run_steps(database, BOTH, as_of("0011", tmp_path / "after")) == ["0011"]
    assert assets.find(connection, found) == found
    connection.close()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("op.drop_table('hints')", "hints is gone"),
        ("op.drop_index('ix_tasks_account')", "index ix_tasks_account has changed"),
        ("op.add_column('hints', sa.Column('much', sa.Text(), nullable=False))", "hints.much must be given"),
        ("op.create_index('ux', 'hints', ['at'], unique=True)", "hints refuses: unique index ['at']"),
        ("op.execute('ALTER TABLE hints RENAME COLUMN at TO moment')", "hints.at has changed"),
    ],
)
def test_step_that_disturbs_older_processes_is_found_out(
    database: Database, tmp_path: Path, body: str, found: str
) -> None:
    steps = tmp_path / "steps"
    shutil.copytree(OURS.folder, steps)
    write_step(steps, "9001", "pre", HEAD, f"    {body}\n")
    before = shape_of(database)
    upgrade(database, PRE, Release("9001", folder=steps))
    assert found in disturbed(before, shape_of(database))


def test_pre_half_leaves_a_schema_that_both_versions_work_with(database: Database, later: Release) -> None:
    assert upgrade(database, PRE, later) == [ADDED]
    assert fit(database) is Fit.AHEAD
    assert fit(database, later) is Fit.LOOSE
    assert not migrate(database)


def test_post_half_shuts_older_versions_out_and_they_say_so(
    database: Database, newer: Database, later: Release
) -> None:
    assert upgrade(newer, BOTH, later) == [ADDED, TIGHTENED]
    assert fit(newer, later) is Fit.EXACT
    for refused in (require, migrate):
        with pytest.raises(BadSchema, match="install the newer version"):
            refused(database)


def test_newer_version_refuses_a_schema_without_its_pre_half(database: Database, later: Release) -> None:
    with pytest.raises(BadSchema, match="run `souk migrate`"):
        require(database, later)


def test_post_half_comes_after_the_pre_half(newer: Database, later: Release) -> None:
    with pytest.raises(BadSchema, match="souk migrate --pre"):
        upgrade(newer, POST, later)
    upgrade(newer, PRE, later)
    assert upgrade(newer, POST, later) == [TIGHTENED]


def test_start_runs_the_post_half_where_it_is_the_only_process(newer: Database, later: Release) -> None:
    assert migrate(newer, later)
    alone_there = newer.dialect is Dialect.SQLITE
    assert current_version(newer) == (TIGHTENED if alone_there else ADDED)


def test_post_half_waits_for_older_processes_and_names_them(
    migrated_postgres_url: str, later: Release, old_process: Connection
) -> None:
    database = Database(migrated_postgres_url, later.process_name)
    with pytest.raises(BadSchema, match=f"schema {HEAD} on 127.0.0.1"):
        upgrade(database, BOTH, later)
    assert current_version(database) == ADDED
    old_process.close()
    assert upgrade(database, POST, later) == [TIGHTENED]


def test_post_half_left_over_from_the_last_upgrade_runs_with_the_next(
    newer: Database, later: Release
) -> None:
    upgrade(newer, PRE, later)
    write_step(
        later.folder, "9003", "pre", TIGHTENED, "    op.create_table('moods', sa.Column('id', sa.Text()))\n"
    )
    assert upgrade(newer, PRE, replace(later, added="9003")) == [TIGHTENED, "9003"]


def test_step_that_fails_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    shutil.copytree(OURS.folder, steps)
    body = "    op.create_table('moods', sa.Column('id', sa.Text()))\n    op.execute('nonsense')\n"
    write_step(steps, "9001", "pre", HEAD, body)
    before = shape_of(database)
    with pytest.raises(DatabaseError, match="step 9001"):
        upgrade(database, PRE, Release("9001", folder=steps))
    assert (shape_of(database), current_version(database)) == (before, HEAD)


def test_processes_that_start_at_once_change_the_schema_once(migrated_url: str, later: Release) -> None:
    command = [sys.executable, "-m", "tests.later_release", "--migrate", migrated_url, later.folder]
    starters = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = sorted(starter.communicate()[0].strip() for starter in starters)
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert told == ["", "", f"{ADDED} {TIGHTENED}"]


def test_a_table_in_use_is_waited_for_without_holding_up_others(
    migrated_postgres_url: str, later: Release, old_process: Connection
) -> None:
    database = Database(migrated_postgres_url)
    old_process.begin()
    old_process.run(Statement("SELECT count(*) FROM tasks"))  # as a backup does, for as long as it takes
    upgrading = threading.Thread(target=upgrade, args=(database, PRE, later))
    upgrading.start()
    reader = database.connect()
    while not reader.run(
        Statement("SELECT 1 FROM pg_locks WHERE relation = 'tasks'::regclass AND NOT granted")
    ):
        time.sleep(0.05)
    reader.run(Statement("SELECT count(*) FROM tasks"))  # waits behind the step for its few seconds at most
    reader.close()
    assert upgrading.is_alive()
    old_process.commit()
    upgrading.join()
    assert current_version(database) == ADDED


def test_index_that_was_left_half_built_is_built_anew(migrated_postgres_url: str, later: Release) -> None:
    database = Database(migrated_postgres_url)
    connection = database.connect()
    connection.run(Statement("CREATE INDEX ix_tasks_mood ON tasks (model)"))
    upgrade(database, PRE, later)
    definition = Statement("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_tasks_mood'")
    assert "(mood)" in connection.run(definition)[0][0]
    connection.close()


@pytest.fixture
def souk(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    command = souk_on(tmp_path, migrated_url, monkeypatch, capsys)
    command.good("migrate")
    return command


def test_command_runs_one_half_at_a_time(souk: Command) -> None:
    for half in ("--pre", "--post"):
        told = souk.good("migrate", half, "--json").json
        assert (told["before"], told["schema"], told["steps"]) == (HEAD, HEAD, [])


def test_doctor_tells_that_a_newer_version_has_added_to_the_schema(
    souk: Command, migrated_url: str, later: Release
) -> None:
    upgrade(Database(migrated_url), PRE, later)
    (finding,) = [found for found in souk.good("doctor", "--json").json if found["subject"] == "database"]
    assert finding["standing"] == "warning"
    souk.good("keys", "list")


def test_commands_refuse_a_schema_that_is_not_theirs_any_more(
    souk: Command, newer: Database, later: Release
) -> None:
    upgrade(newer, BOTH, later)
    for words in (("keys", "list"), ("migrate",), ("doctor",), ("serve", "--port", "0")):
        answer = souk(*words)
        assert answer.code == 3
        assert "install the newer version" in answer.out + answer.err
