"""The doctor: each thing that can be wrong is told with its remedy, and nothing is changed."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.unit.command import Command, souk_on


@pytest.fixture
def souk(
    tmp_path: Path,
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    command = souk_on(tmp_path, migrated_url, monkeypatch, capsys)
    command.good("migrate")
    return command


def found(souk: Command, subject: str, code: int = 0) -> list[dict[str, Any]]:
    """The findings on one subject."""
    answer = souk("doctor", "--json")
    assert answer.code == code, answer.out
    return [finding for finding in answer.json if finding["subject"] == subject]


def standings(souk: Command, subject: str, code: int = 0) -> list[str]:
    return [finding["standing"] for finding in found(souk, subject, code)]


def test_sound_installation_has_nothing_bad(souk: Command) -> None:
    told = souk.good("doctor").out
    assert "BAD" not in told
    assert "ledger" in told


def test_empty_database_is_bad_and_stays_empty(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOUK_DATABASE_URL", raising=False)
    answer = souk("doctor", "--data-dir", tmp_path / "other")
    assert answer.code == 3
    assert "souk migrate" in answer.out
    assert not (tmp_path / "other").exists()


def test_unreachable_database_is_bad(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_DATABASE_URL", "postgresql://souk:canary@127.0.0.1:1/souk")
    (finding,) = found(souk, "database", 3)
    assert finding["standing"] == "bad"
    assert "canary" not in finding["told"]


def test_lost_secret_key_is_bad(souk: Command) -> None:
    (souk.data / "secret.key").unlink()
    assert standings(souk, "secret key", 3) == ["bad"]
    assert not (souk.data / "secret.key").exists()


def test_wrong_secret_key_is_bad(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_SECRET_KEY", "another secret key, long enough")
    (finding,) = found(souk, "secret key", 3)
    assert "--lost" in finding["remedy"]


def test_secret_key_of_one_machine_is_noted_on_postgresql_only(souk: Command, migrated_url: str) -> None:
    shared = migrated_url.startswith("postgresql:")
    assert standings(souk, "secret key") == (["warning"] if shared else ["good"])


def test_process_without_the_secret_key_is_named(
    souk_on_postgresql: Command, migrated_postgres_url: str
) -> None:
    souk = souk_on_postgresql

    def lacking() -> list[dict[str, Any]]:
        return [finding for finding in found(souk, "secret key") if "do not know" in finding["told"]]

    with psycopg.connect(migrated_postgres_url, application_name="souk 0.1.0 schema 0012 keys 0123abcd"):
        (noted,) = lacking()
        assert "souk 0.1.0 schema 0012 on 127.0.0.1" in noted["told"]
        assert "the same SOUK_SECRET_KEY as here" in noted["remedy"]
        souk.good("rekey", "--prepare")
        assert "both keys" in lacking()[0]["remedy"]
    assert lacking() == []


def test_weak_api_key_is_noted(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_API_KEY", "eightchr")
    souk.good("migrate")
    assert "8 characters" in found(souk, "API key")[0]["told"]


def test_earlier_key_of_the_environment_is_noted(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("first-key-0123456789", "second-key-0123456789"):
        monkeypatch.setenv("SOUK_API_KEY", key)
        souk.good("migrate")
    assert standings(souk, "API key") == ["good", "warning"]


def test_connection_is_told_with_its_variable(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", "canary-upstream-key")
    answer = souk.good("doctor")
    assert "KIE_API_KEY" in answer.out
    assert "canary-upstream-key" not in answer.out


def test_nothing_to_run_on_is_bad(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_SANDBOX", "never")
    assert standings(souk, "connection", 3) == ["bad"]


def test_open_network_behind_a_public_address_is_noted(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUK_PUBLIC_URL", "https://souk.example.com")
    assert standings(souk, "outbound network") == ["good"]
    monkeypatch.setenv("SOUK_NETWORK_POLICY", "open")
    assert standings(souk, "outbound network") == ["warning"]


def test_storage_that_cannot_be_written_is_bad(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_STORAGE_URL", "file:///proc/souk")
    assert standings(souk, "storage", 3) == ["bad"]


def test_full_disk_is_told_to_make_room(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever is written to this device finds no space left.
    full = "souk.operations.checkup_storage.TemporaryFile"
    monkeypatch.setattr(full, lambda dir: (dir / "/dev/full").open("wb"))
    (finding,) = found(souk, "storage", 3)
    assert "No space left" in finding["told"]
    assert finding["remedy"].startswith("make room")


def test_files_that_lie_on_another_machine_are_missed(
    souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each machine with a folder of its own: all seems well on both, and half of the links lead nowhere."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    souk.good("files", "put", picture)
    assert standings(souk, "files") == ["good"]
    monkeypatch.setenv("SOUK_STORAGE_URL", f"file://{tmp_path}/other-machine")
    (finding,) = found(souk, "files", 3)
    assert finding["told"].startswith("1 of the 1 newest files")
    assert "SOUK_STORAGE_URL" in finding["remedy"]


def test_engine_of_its_own_is_advised_where_one_can_run(souk: Command, migrated_url: str) -> None:
    (finding,) = found(souk, "engine")
    assert ("`souk engine`" in finding["remedy"]) is migrated_url.startswith("postgresql:")


def test_unfinished_change_of_a_webhook_key_is_noted(souk: Command) -> None:
    souk.good("accounts", "rotate-webhook-key", "main")
    (finding,) = found(souk, "webhook key")
    assert "--finish" in finding["remedy"]


def test_mistake_in_the_catalogue_is_bad(souk: Command) -> None:
    (souk.data / "souk.yaml").write_text("models:\n  z-image:\n    titel: My Own\n")
    (finding,) = found(souk, "catalogue", 3)
    assert "titel" in finding["told"]
