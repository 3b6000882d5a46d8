"""A storage that is not known to be the database's: the doctor tells, and ``souk files adopt`` takes it over."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from souk.assets.disk import OWNER
from tests.unit.command import Command, souk_on


@pytest.fixture
def souk(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Commands on a place where one file is stored."""
    shutil.copyfile(sqlite_template, tmp_path / "souk.db")
    command = souk_on(tmp_path, "sqlite:", monkeypatch, capsys)
    (tmp_path / "notes.txt").write_text("hello")
    command.good("files", "put", "notes.txt")
    return command


@pytest.fixture
def lost(souk: Command) -> Command:
    """The same place after its database was deleted and a new one made."""
    for path in souk.data.glob("souk.db*"):
        path.unlink()
    souk.good("migrate")
    return souk


def owner(souk: Command) -> str | None:
    mark = souk.data / "files" / OWNER
    return mark.read_text() if mark.exists() else None


def finding(souk: Command) -> dict[str, Any]:
    (found,) = [found for found in souk("doctor", "--json").json if found["subject"] == "files"]
    return found


def test_files_of_a_sound_installation_are_its_own(souk: Command) -> None:
    assert owner(souk)
    assert finding(souk)["standing"] == "good"


def test_the_doctor_tells_that_files_are_of_another_installation(lost: Command) -> None:
    assert finding(lost)["standing"] == "bad"
    assert "souk files adopt" in finding(lost)["remedy"]


def test_the_doctor_tells_that_files_are_nobodys(lost: Command) -> None:
    (lost.data / "files" / OWNER).unlink()
    assert finding(lost)["standing"] == "warning"
    assert owner(lost) is None


@pytest.mark.parametrize("word", ["", "--with-unknown", "--take-over"])
def test_files_another_stored_are_adopted_only_if_it_is_gone_and_nothing_needs_them(
    lost: Command, word: str
) -> None:
    before = owner(lost)
    answer = lost("files", "adopt", *filter(None, [word]))
    assert (answer.code, owner(lost)) == (1, before)
    for lacking in {"--take-over", "--with-unknown"} - {word}:
        assert lacking in answer.err
    adopted = lost.good("files", "adopt", "--with-unknown", "--take-over", "--json").json
    assert adopted == {"adopted": True, "unknown": 1, "others": True}
    assert owner(lost) != before
    assert finding(lost)["standing"] == "good"


def test_files_the_database_does_not_know_are_adopted_only_on_a_second_word(lost: Command) -> None:
    (lost.data / "files" / OWNER).unlink()
    answer = lost("files", "adopt")
    assert (answer.code, "1 file(s)" in answer.err, owner(lost)) == (1, True, None)
    lost.good("files", "adopt", "--with-unknown")
    assert finding(lost)["standing"] == "good"


def test_files_the_database_knows_are_adopted_at_once(souk: Command) -> None:
    before = owner(souk)
    (souk.data / "files" / OWNER).unlink()
    assert "database's" in souk.good("files", "adopt").out
    assert owner(souk) == before
