"""``souk rekey``: three steps from one secret key to another, and what it says to whoever takes one too early."""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest

from souk.engine.slot import SlotLock
from tests.unit.command import Answer, Command, souk_on

NEW = "fedcba9876543210fedcba9876543210"
HOOK = "hook-key-from-the-environment"


@pytest.fixture
def souk(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Commands on an installation with a key file."""
    monkeypatch.setenv("SOUK_WEBHOOK_KEY", HOOK)
    command = souk_on(tmp_path, migrated_url, monkeypatch, capsys)
    command.good("migrate")
    return command


def finding(souk: Command) -> tuple[str, str]:
    """How the doctor finds the secret key, and what to do."""
    found: list[Any] = [item for item in souk("doctor", "--json").json if item["subject"] == "secret key"]
    return found[0]["standing"], found[0]["remedy"]


def hook_keys(souk: Command) -> list[str]:
    return souk.good("accounts", "show", "main", "--webhook-keys", "--json").json["webhook_keys"]


def refused(answer: Answer, code: int, told: str) -> bool:
    """Whether a command ended with this code and one line that says this."""
    return (answer.code, len(answer.err.splitlines()), told in answer.err) == (code, 1, True)


def test_key_file_is_exchanged_in_three_steps(souk: Command) -> None:
    file = souk.data / "secret.key"
    old = file.read_text().strip()
    souk.good("rekey", "--prepare")
    assert (old in file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (True, 0o600)
    assert "run `souk rekey`" in finding(souk)[1]
    assert souk.good("rekey", "--json").json == {"accounts": 1, "changed": 1}
    assert "souk rekey --finish" in finding(souk)[1]
    souk.good("rekey", "--finish")
    assert old not in file.read_text()
    assert "rekey" not in finding(souk)[1]
    assert hook_keys(souk) == [HOOK]
    assert sorted(path.name for path in souk.data.glob("secret.key*")) == ["secret.key"]


def test_key_from_the_settings_is_exchanged_by_the_settings(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (souk.data / "secret.key").read_text().strip()
    monkeypatch.setenv("SOUK_SECRET_KEY", NEW)
    monkeypatch.setenv("SOUK_SECRET_KEY_BEFORE", old)
    assert "run `souk rekey`" in finding(souk)[1]
    assert "SOUK_SECRET_KEY_BEFORE out of the settings" in souk.good("rekey").err
    assert "SOUK_SECRET_KEY_BEFORE out of the settings" in finding(souk)[1]
    monkeypatch.delenv("SOUK_SECRET_KEY_BEFORE")
    assert finding(souk)[0] == "good"
    assert hook_keys(souk) == [HOOK]


def test_step_taken_too_early_says_which_is_first(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(souk("rekey"), 2, "first run `souk rekey --prepare`")
    assert refused(souk("rekey", "--finish"), 1, "holds one key only")
    souk.good("rekey", "--prepare")
    assert refused(souk("rekey", "--prepare"), 1, "two keys already")
    assert refused(souk("rekey", "--finish"), 3, "first run `souk rekey`")
    assert hook_keys(souk) == [HOOK]


def test_process_that_was_not_restarted_is_not_left_with_secrets_it_cannot_open(souk: Command) -> None:
    slot = SlotLock(souk.data / "slots")
    past = (souk.data / "secret.key").stat().st_mtime - 60
    os.utime(souk.data / "slots" / "slot-0.lock", (past, past))
    try:
        souk.good("rekey", "--prepare")
        assert refused(souk("rekey"), 3, "started before the new key was there")
    finally:
        slot.release()
    slot = SlotLock(souk.data / "slots")
    try:
        souk.good("rekey")
    finally:
        slot.release()


def test_options_for_the_key_file_send_others_to_the_settings(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUK_SECRET_KEY", (souk.data / "secret.key").read_text().strip())
    for words in ((), ("--prepare",), ("--finish",)):
        assert refused(souk("rekey", *words), 2, "SOUK_SECRET_KEY_BEFORE to the present one")


def test_process_that_was_given_the_new_key_alone_is_refused(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUK_SECRET_KEY", NEW)
    assert souk("keys", "list").code == 0  # it needs no secret
    assert "give that one too" in souk("accounts", "create", "shop").err
    assert finding(souk)[0] == "bad"


def test_backup_between_the_steps_holds_both_keys(souk: Command, tmp_path: Path) -> None:
    souk.good("rekey", "--prepare")
    souk.good("backup", tmp_path / "between", "--with-secret-key")
    souk.good("rekey")
    souk.good("rekey", "--finish")
    both, file = (tmp_path / "between" / "secret.key").read_text(), (souk.data / "secret.key").read_text()
    assert (file.strip() in both, len(both.splitlines())) == (True, 2)


def test_backup_of_before_is_restored_with_the_former_key(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    souk.good("backup", tmp_path / "copy")
    old = (souk.data / "secret.key").read_text().strip()
    monkeypatch.delenv("SOUK_DATABASE_URL", raising=False)
    monkeypatch.setenv("SOUK_SECRET_KEY", NEW)
    place = ("--data-dir", tmp_path / "restored")
    assert "does not open" in souk("restore", tmp_path / "copy", *place).err
    shutil.rmtree(tmp_path / "restored", ignore_errors=True)
    monkeypatch.setenv("SOUK_SECRET_KEY_BEFORE", old)
    souk.good("restore", tmp_path / "copy", *place)
    assert souk.good("rekey", "--json", *place).json["changed"] == 1


def test_process_of_a_version_that_does_not_tell_its_keys_stands_in_the_way(
    souk_on_postgresql: Command, migrated_postgres_url: str
) -> None:
    souk = souk_on_postgresql
    souk.good("rekey", "--prepare")
    with psycopg.connect(migrated_postgres_url, application_name="souk 0.0.9 schema 0011"):
        assert refused(souk("rekey"), 3, "souk 0.0.9 schema 0011 on 127.0.0.1, 1 connection(s); restart them")
    souk.good("rekey")
