"""Backups: whole, checked on both ends, restored into either kind of database, and without secrets."""

import shutil
import tarfile
from pathlib import Path

import pytest

from souk.assets.disk import OWNER
from tests.unit.command import Command, past_in, souk_after, tables_of

API_KEY = "canary-api-key-0123456789"
WEBHOOK_KEY = "canary-webhook-key-0123456789"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one finished task, made with secrets that must not leave it."""
    secrets = {"SOUK_API_KEY": API_KEY, "SOUK_WEBHOOK_KEY": WEBHOOK_KEY}
    return past_in(tmp_path_factory.mktemp("past"), ("a cat", 0), **secrets)


@pytest.fixture
def souk(
    tmp_path: Path, past: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return souk_after(past, tmp_path / "data", monkeypatch, capsys)


@pytest.fixture
def elsewhere(souk: Command, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """After a backup into ``copy``, commands on an empty place, on each kind of database."""
    souk.good("backup", "copy", "--with-secret-key")
    shutil.copytree(souk.data / "copy", tmp_path / "copy")
    shutil.rmtree(souk.data)
    souk.data.mkdir()
    if database_url.startswith("postgresql:"):
        monkeypatch.setenv("SOUK_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return souk


def stored(folder: Path) -> list[Path]:
    """The files of a backup that tasks delivered."""
    return [path for path in (folder / "files").rglob("*") if path.is_file() and path.name != OWNER]


def test_everything_is_back_after_the_data_was_deleted(elsewhere: Command, past: Path) -> None:
    told = elsewhere.good("restore", "copy", "--json").json
    assert (told["files"], told["problems"]) == (1, [])
    (task,) = elsewhere.good("tasks", "list", "--json").json
    story = elsewhere.good("tasks", "show", task["task_id"], "--json").json
    assert [entry["kind"] for entry in story["ledger"]] == ["hold", "capture"]
    (file,) = stored(elsewhere.data)
    assert file.read_bytes() == (past / "made.png").read_bytes()
    shown = elsewhere.good("accounts", "show", "main", "--webhook-keys", "--json").json
    assert shown["webhook_keys"] == [WEBHOOK_KEY]
    elsewhere.good("ledger", "verify")


def test_restored_files_are_cleaned_up_like_any(elsewhere: Command) -> None:
    elsewhere.good("restore", "copy")
    (finding,) = [found for found in elsewhere("doctor", "--json").json if found["subject"] == "files"]
    assert finding["standing"] == "good"


def test_files_that_lay_there_before_a_restore_are_not_cleaned_up(souk: Command, tmp_path: Path) -> None:
    souk.good("backup", "copy")
    letter = tmp_path / "other" / "files" / "letters" / "dear.txt"
    letter.parent.mkdir(parents=True)
    letter.write_text("dear")
    other = ("--data-dir", tmp_path / "other")
    assert "souk files adopt" in souk.good("restore", "copy", *other).err
    assert "souk files adopt" in souk("doctor", *other).out


def test_restored_data_takes_new_rows(elsewhere: Command) -> None:
    elsewhere.good("restore", "copy")
    elsewhere.good("accounts", "create", "shop")
    elsewhere.good("credits", "grant", "shop", "5")
    assert elsewhere.good("keys", "create", "--account", "shop", "--json").json["id"] == 2


def test_backup_of_what_was_restored_is_the_same(elsewhere: Command) -> None:
    elsewhere.good("restore", "copy")
    elsewhere.good("backup", "again")
    assert tables_of(Path("again")) == tables_of(Path("copy"))


def test_restore_wants_an_empty_place(elsewhere: Command) -> None:
    elsewhere.good("restore", "copy")
    answer = elsewhere("restore", "copy")
    assert answer.code == 3
    assert "not empty" in answer.err


def test_backup_holds_no_secret(souk: Command) -> None:
    souk.good("backup", "copy")
    secret_key = (souk.data / "secret.key").read_text().strip()
    for path in (souk.data / "copy").rglob("*"):
        for secret in (API_KEY, WEBHOOK_KEY, secret_key):
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_backup_is_for_its_owner_alone(souk: Command) -> None:
    souk.good("backup", "copy")
    souk.good("backup", "copy.tar")
    assert (souk.data / "copy").stat().st_mode & 0o077 == 0
    assert (souk.data / "copy.tar").stat().st_mode & 0o077 == 0


def test_archive_holds_the_same_as_a_folder(souk: Command, tmp_path: Path) -> None:
    souk.good("backup", "copy")
    souk.good("backup", "copy.tar")
    with tarfile.open(souk.data / "copy.tar") as tar:
        names = set(tar.getnames())
    folder = souk.data / "copy"
    assert names == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    told = souk.good("restore", "copy.tar", "--data-dir", tmp_path / "other", "--json").json
    assert told["files"] == 1


def test_backup_never_overwrites(souk: Command) -> None:
    (souk.data / "copy").mkdir()
    (souk.data / "copy" / "letter.txt").write_text("dear")
    answer = souk("backup", "copy")
    assert answer.code == 3
    assert [path.name for path in (souk.data / "copy").iterdir()] == ["letter.txt"]


def test_damaged_stored_file_is_found_at_the_backup_and_leaves_none_behind(souk: Command) -> None:
    (file,) = stored(souk.data)
    file.write_bytes(b"rot" + file.read_bytes()[3:])
    answer = souk("backup", "copy")
    assert answer.code == 3
    assert file.name in answer.err
    assert not (souk.data / "copy").exists()


def test_missing_stored_file_is_found_at_the_backup(souk: Command) -> None:
    (file,) = stored(souk.data)
    file.unlink()
    answer = souk("backup", "copy")
    assert answer.code == 3
    assert file.name in answer.err


@pytest.mark.parametrize("part", ["tables/tasks.jsonl", "files", "manifest.json"])
def test_damaged_backup_is_not_restored(souk: Command, tmp_path: Path, part: str) -> None:
    souk.good("backup", "copy")
    path = stored(souk.data / "copy")[0] if part == "files" else souk.data / "copy" / part
    path.write_bytes(path.read_bytes()[:-9])
    answer = souk("restore", "copy", "--data-dir", tmp_path / "other")
    assert answer.code == 3
    assert path.name in answer.err
    assert not (tmp_path / "other" / "souk.db").exists()


def test_folder_without_a_manifest_is_no_backup(souk: Command, tmp_path: Path) -> None:
    assert souk("restore", souk.data, "--data-dir", tmp_path / "other").code == 3
    assert souk("restore", tmp_path / "nowhere").code == 4


def test_restore_without_the_secret_key_says_how_to_go_on(souk: Command, tmp_path: Path) -> None:
    souk.good("backup", "copy")
    other = ("--data-dir", tmp_path / "other")
    assert "secret.key" in souk.good("restore", "copy", *other).err
    assert souk("tasks", "list", *other).code == 3
    souk.good("accounts", "rotate-webhook-key", "--lost", *other)
    souk.good("tasks", "list", *other)


@pytest.mark.parametrize("command", ["backup", "export"])
@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_target_that_cannot_be_written_is_named_with_what_to_do(
    souk: Command, command: str, name: str
) -> None:
    target = souk.data / "souk.db" / name
    answer = souk(command, target)
    assert answer.code == 3
    assert answer.err.startswith(f"souk: cannot write to {target}: ")
    assert "name a place where this user may write" in answer.err
    assert len(answer.err.splitlines()) == 1
