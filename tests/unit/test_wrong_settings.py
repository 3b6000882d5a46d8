"""A server that cannot start as it is told says in one line which setting to change, and has exit code 3."""

from pathlib import Path

import pytest

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
