"""A server that cannot start as it is told says in one line which setting to change, and has exit code 3."""

import json
import socket
from pathlib import Path

import pytest

from souk.store.release import HEAD
from tests.unit.command import Command, souk_on


@pytest.fixture
def souk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("SOUK_PORT", "0")
    return souk_on(tmp_path, "sqlite:", monkeypatch, capsys)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOUK_API_KEY", "short"),
        ("SOUK_WEBHOOK_KEY", "whsec_?"),
        ("SOUK_SECRET_KEY", "short"),
        ("SOUK_INITIAL_CREDITS", "inf"),
        ("SOUK_INITIAL_CREDITS", "1e300"),
        ("SOUK_SANDBOX_DELAY", "inf"),
        ("SOUK_SWEEP_SECONDS", "1e300"),
        ("SOUK_RESULTS_DAYS", "inf"),
        ("SOUK_LEDGER_DAYS", "1e300"),
        ("SOUK_LOG_LEVEL", "loud"),
        ("SOUK_LOG_FORMAT", "xml"),
        ("SOUK_PUBLIC_URL", "souk.example.com"),
        ("SOUK_PUBLIC_URL", "ftp://souk.example.com"),
        ("SOUK_PUBLIC_URL", "https://souk.example.com/?a=b"),
        ("SOUK_PUBLIC_URL", "http://[souk"),
        ("SOUK_TRUSTED_PROXIES", "10.0.0.0/8, nginx"),
        ("SOUK_DATABASE_URL", "mysql://localhost/souk"),
        ("SOUK_STORAGE_URL", "gs://bucket"),
        ("SOUK_STORAGE_URL", "file:///proc/souk"),
        ("SOUK_DATA_DIR", "/proc/souk"),
        ("SOUK_DATA_DIR", "/dev/null"),
        ("SOUK_DATA_DIR", "/dev/null/souk"),
    ],
)
def test_server_names_the_setting_it_cannot_use(
    souk: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    answer = souk("serve")

    told = answer.err.strip().splitlines()[-1]
    assert answer.code == 3, told
    assert told.startswith("souk: ")
    assert told.count(name) == 1
    assert "Error" not in told


@pytest.mark.parametrize(
    "place", ["8101", "127.0.0.1", "127.0.0.1:http", "http://127.0.0.1:8101", "::1:8101"]
)
def test_engine_names_the_place_for_its_metrics_that_is_none(souk: Command, place: str) -> None:
    answer = souk("engine", "--metrics", place)
    assert answer.code == 3
    assert "SOUK_ENGINE_METRICS" in answer.err


def test_engine_tells_where_it_cannot_listen(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/souk")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = souk("engine", "--metrics", place)
    assert answer.code == 3
    assert f"port {place.rpartition(':')[2]}" in answer.err
    assert "--metrics (SOUK_ENGINE_METRICS)" in answer.err


@pytest.mark.parametrize(
    ("words", "settings", "code", "told"),
    [
        (("serve",), {"SOUK_PORT": "eighty"}, 3, "SOUK_PORT"),
        (("serve", "--nonsense"), {}, 2, "--nonsense"),
        (("serve", "--workers", "2"), {}, 3, "PostgreSQL"),
        (("engine",), {}, 3, "SOUK_DATABASE_URL"),
        (("engine",), {"SOUK_DATABASE_URL": "postgresql://x@127.0.0.1:1/y"}, 3, "cannot reach the database"),
        (("migrate", "--nonsense"), {}, 2, "--nonsense"),
        (("migrate",), {"SOUK_DATABASE_URL": "postgresql://x@127.0.0.1:1/y"}, 3, "cannot reach the database"),
    ],
)
def test_failure_of_an_unattended_command_is_a_line_of_its_json_log(
    souk: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    settings: dict[str, str],
    code: int,
    told: str,
) -> None:
    for name, value in {**settings, "SOUK_LOG_FORMAT": "json"}.items():
        monkeypatch.setenv(name, value)

    answer = souk(*words)

    line = json.loads(answer.err)
    assert (answer.code, line["level"], line["event"], line["exit_code"]) == (code, "ERROR", "failed", code)
    assert told in line["reason"]


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_json_log_that_only_the_file_asks_for_tells_of_its_other_settings(
    souk: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (souk.data / "souk.yaml").write_text("log_format: json\nworkers: none\n")
    monkeypatch.setenv("SOUK_SANDBOX_DELY", "1")
    hint, failure = map(json.loads, souk(command).err.splitlines())
    assert (hint["level"], failure["level"]) == ("WARNING", "ERROR")
    assert "SOUK_SANDBOX_DELAY" in hint["event"]
    assert "SOUK_WORKERS" in failure["reason"]


def test_all_that_a_migration_says_is_a_line_of_its_json_log(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUK_LOG_FORMAT", "json")
    answer = souk.good("migrate")
    created, account = map(json.loads, answer.err.splitlines())
    assert (created["event"], created["version"]) == ("database created", HEAD)
    assert "sk-souk-" in account["event"]
    assert (answer.json["event"], answer.json["before"], answer.json["schema"]) == ("migrated", None, HEAD)


def test_command_that_people_run_fails_in_words_for_people(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUK_LOG_FORMAT", "json")
    assert souk("keys", "list").err.startswith("souk: ")


def test_file_that_is_no_database_is_named(souk: Command) -> None:
    (souk.data / "souk.db").write_bytes(b"no database " * 1000)

    answer = souk("serve")

    assert answer.code == 3
    assert str(souk.data / "souk.db") in answer.err


def test_misspelt_variable_is_pointed_out(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_SANDBOX_DELY", "1")
    monkeypatch.setenv("SOUK_API_KEY_FIL", "/key")
    monkeypatch.setenv("SOUK_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("SOUK_KIE_BASE_URL", "http://127.0.0.1:9")

    told = souk.good("providers").err.splitlines()

    assert told == [
        "souk: SOUK_API_KEY_FIL is no setting and is passed over; did you mean SOUK_API_KEY_FILE?",
        "souk: SOUK_SANDBOX_DELY is no setting and is passed over; did you mean SOUK_SANDBOX_DELAY?",
    ]


def test_log_level_is_taken_in_small_letters(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_LOG_LEVEL", "warning")

    souk.good("providers")
