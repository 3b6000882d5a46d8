"""Export and import: everything stopped, everything compared, nothing run at two places."""

import json
import tarfile
from pathlib import Path

import pytest

from souk.assets.disk import OWNER
from souk.engine.slot import SlotLock
from souk.store.database import Database, sqlite_url
from souk.store.dump import is_empty, table_names
from tests.unit.command import Command, past_in, souk_after, tables_of


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one finished task."""
    return past_in(tmp_path_factory.mktemp("past"), ("a cat", 0))


@pytest.fixture
def souk(
    tmp_path: Path, past: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return souk_after(past, tmp_path / "data", monkeypatch, capsys)


def test_export_refuses_while_a_process_runs_on_sqlite(souk: Command) -> None:
    slot = SlotLock(souk.data / "slots")
    try:
        assert "stop it first" in souk("export", "out").err
    finally:
        slot.release()
    souk.good("export", "out")


def test_export_refuses_while_a_process_is_connected_to_postgresql(
    souk_on_postgresql: Command, migrated_postgres_url: str
) -> None:
    souk = souk_on_postgresql
    somebody = Database(migrated_postgres_url).connect()
    answer = souk("export", "out")
    somebody.close()
    assert (answer.code, "127.0.0.1" in answer.err) == (3, True)
    souk.good("export", "out")


def test_export_says_that_the_old_place_must_stay_stopped(souk: Command) -> None:
    assert "both places" in souk.good("export", "out").err


def test_files_can_stay_where_they_are(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    souk.good("export", "out.tar", "--leave-files", "--with-secret-key")
    with tarfile.open(souk.data / "out.tar") as tar:
        assert not [name for name in tar.getnames() if name.startswith("files/")]
    other = ("--data-dir", tmp_path / "other")
    answer = souk("import", "out.tar", *other)
    assert (answer.code, "not in this one" in answer.err) == (3, True)
    monkeypatch.setenv("SOUK_STORAGE_URL", f"file://{souk.data / 'files'}")
    souk.good("import", "out.tar", *other)
    (task,) = souk.good("tasks", "list", "--json", *other).json
    (finding,) = [found for found in souk("doctor", "--json", *other).json if found["subject"] == "files"]
    assert (task["state"], finding["standing"]) == ("success", "good")


def test_storage_that_became_another_installations_is_not_taken_over(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    souk.good("export", "out", "--leave-files")
    mark = souk.data / "files" / OWNER
    mark.write_text("another installation")
    monkeypatch.setenv("SOUK_STORAGE_URL", f"file://{souk.data / 'files'}")
    answer = souk.good("import", "out", "--data-dir", tmp_path / "third")
    assert ("souk files adopt" in answer.err, mark.read_text()) == (True, "another installation")


def test_files_stored_after_the_export_are_not_taken_over(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    souk.good("export", "out", "--leave-files")
    mark = souk.data / "files" / OWNER
    before = mark.read_text()
    souk.good("files", "put", "made.png")
    monkeypatch.setenv("SOUK_STORAGE_URL", f"file://{souk.data / 'files'}")
    answer = souk.good("import", "out", "--data-dir", tmp_path / "third")
    assert ("souk files adopt" in answer.err, mark.read_text()) == (True, before)


def test_import_refuses_a_place_with_another_secret_key(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    souk.good("export", "out", "--with-secret-key")
    other = ("--data-dir", tmp_path / "other")
    monkeypatch.setenv("SOUK_SECRET_KEY", "another secret key, long enough")
    assert "--lost" in souk("import", "out", *other).err
    monkeypatch.setenv("SOUK_SECRET_KEY", (souk.data / "secret.key").read_text().strip())
    souk.good("import", "out", *other)
    assert not (tmp_path / "other" / "secret.key").exists()


def test_rows_that_arrive_otherwise_than_they_left_undo_the_import(souk: Command, tmp_path: Path) -> None:
    """The archive is whole by its own account, and still not what was exported."""
    souk.good("export", "out")
    manifest = souk.data / "out" / "manifest.json"
    told = json.loads(manifest.read_text())
    told["tables"]["ledger"]["digest"] = told["tables"]["tasks"]["digest"]
    manifest.write_text(json.dumps(told))
    answer = souk("import", "out", "--data-dir", tmp_path / "other")
    assert (answer.code, "ledger has other rows" in answer.err) == (3, True)
    database = Database(sqlite_url(tmp_path / "other" / "souk.db")).connect()
    assert all(is_empty(database, name) for name in table_names())
    database.close()


def test_what_was_imported_can_be_exported_again_and_is_the_same(
    souk: Command, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    souk.good("export", "out", "--with-secret-key")
    if database_url.startswith("postgresql:"):
        monkeypatch.setenv("SOUK_DATABASE_URL", database_url)
    other = ("--data-dir", tmp_path / "other")
    souk.good("import", "out", *other)
    souk.good("export", tmp_path / "again", *other)
    assert tables_of(souk.data / "out") == tables_of(tmp_path / "again")
