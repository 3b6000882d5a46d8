"""Commands that cannot do what they are asked: one line, the right exit code, nothing half made."""

import re
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from souk import __version__
from souk.store.database import Database, without_password
from tests.unit.command import Command, souk_on


@pytest.fixture
def souk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return souk_on(tmp_path, "sqlite:", monkeypatch, capsys)


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "list"),
        ("accounts", "show", "main"),
        ("tasks", "list"),
        ("credits", "grant", "main", "1"),
        ("ledger", "verify"),
        ("backup", "copy"),
        ("callbacks", "test", "http://127.0.0.1:9/"),
    ],
)
def test_command_makes_no_data_where_there_is_none(souk: Command, words: tuple[str, ...]) -> None:
    answer = souk(*words)
    assert answer.code == 3
    assert "--data-dir" in answer.err
    assert list(souk.data.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (("nonsense",), "souk"),
        (("keys", "nonsense"), "souk keys"),
        (("keys", "create", "--nonsense"), "souk keys create"),
        (("keys", "create", "a-name"), "souk keys create"),
        (("run",), "souk run"),
    ],
)
def test_misspelt_command_is_a_usage_error_that_names_the_help(
    souk: Command, words: tuple[str, ...], at: str
) -> None:
    answer = souk(*words)
    assert answer.code == 2
    assert len(answer.err.strip().splitlines()) == 1
    assert f"(see {at} --help)" in answer.err


@pytest.mark.parametrize("words", [(), ("keys",)])
def test_command_without_a_word_of_what_to_do_prints_its_help(souk: Command, words: tuple[str, ...]) -> None:
    answer = souk(*words)
    assert answer.code == 2
    assert answer.err.startswith("Usage: souk")
    assert len(answer.err.splitlines()) > 5


def test_version_is_printed(souk: Command) -> None:
    assert souk.good("--version").out == f"souk {__version__}\n"


def test_data_dir_is_accepted_after_every_command(souk: Command, tmp_path: Path) -> None:
    souk.good("migrate", "--data-dir", tmp_path / "other")
    assert (tmp_path / "other" / "souk.db").exists()
    assert "first" in souk.good("keys", "list", "--data-dir", tmp_path / "other").out


def test_setting_that_cannot_be_is_named(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_PORT", "eighty")
    answer = souk("models")
    assert answer.code == 3
    assert "SOUK_PORT" in answer.err


@pytest.mark.parametrize("words", [("keys", "list"), ("migrate",), ("serve", "--port", "0")])
def test_unreachable_database_is_a_configuration_error_that_names_the_setting(
    souk: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SOUK_DATABASE_URL", "postgresql://souk:canary-password@127.0.0.1:1/souk")
    answer = souk(*words)
    assert answer.code == 3
    assert "postgresql://127.0.0.1:1/souk (SOUK_DATABASE_URL)" in answer.err
    assert "canary" not in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_role_that_may_not_make_tables_is_told_what_it_lacks(
    souk: Command, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    role = f"poor_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        monkeypatch.setenv("SOUK_DATABASE_URL", re.sub(r"//[^@]*@", f"//{role}@", postgres_url))
        answer = souk("migrate")
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    assert answer.code == 3
    assert "(SOUK_DATABASE_URL): permission denied" in answer.err
    assert "OWNER TO" in answer.err
    assert len(answer.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost:zy/zyx@127.0.0.1:1/souk",
        "postgresql://souk:zyx?zyx@127.0.0.1:1/souk",
        "postgresql://souk:zyx%zyx@127.0.0.1:1/souk",
        "postgresql://localhost:zyx",
        "postgresql://souk@127.0.0.1:1/souk?password=zyx",
        "postgresql://souk@127.0.0.1:1/souk?password=zyx%zy",
    ],
)
def test_mistyped_database_url_does_not_tell_its_password(
    souk: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SOUK_DATABASE_URL", url)
    for command in ("migrate", "doctor"):
        answer = souk(command)
        told = answer.out + answer.err
        assert answer.code == 3
        assert "SOUK_DATABASE_URL" in told
        assert "zy" not in told


def test_part_of_a_password_that_reads_like_a_host_is_not_told() -> None:
    # The driver takes what follows the first @ for the host, and quotes it.
    url = "postgresql://souk:canary@zyx@db.invalid/souk"
    assert Database(url).place == "postgresql://db.invalid:5432/souk"
    assert without_password("failed to resolve host 'zyx@db.invalid': unknown", url) == (
        "failed to resolve host …: unknown"
    )


def test_older_schema_is_left_alone_and_the_remedy_named(souk: Command) -> None:
    import sqlite3

    souk.good("migrate")
    with sqlite3.connect(souk.data / "souk.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
    database.close()
    answer = souk("keys", "list")
    assert answer.code == 3
    assert "souk migrate" in answer.err


def test_engine_refuses_sqlite_and_names_the_way_out(souk: Command) -> None:
    answer = souk("engine")
    assert answer.code == 3
    assert "SOUK_DATABASE_URL" in answer.err


def test_workers_refuse_sqlite_and_name_the_way_out(souk: Command) -> None:
    answer = souk("serve", "--workers", "2", "--port", "0")
    assert answer.code == 3
    assert "SOUK_DATABASE_URL" in answer.err


def test_first_command_that_makes_data_tells_the_api_key(souk: Command) -> None:
    made = souk.good("migrate")
    assert "sk-souk-" in made.err
    assert "sk-souk-" not in souk.good("migrate").err


def test_no_key_is_made_when_one_is_given(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_API_KEY", "given-key-0123456789")
    made = souk.good("migrate")
    assert "given-key" not in made.out + made.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOUK_WEBHOOK_KEY", "whsec_canary-webhook-key!"),
        ("SOUK_API_KEY", "canary api key with spaces"),
        ("SOUK_SECRET_KEY", "canary-secret"),
        ("KIE_API_KEY_FILE", "/nowhere"),
    ],
)
def test_secret_that_cannot_be_used_is_not_repeated(
    souk: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    answer = souk("run", "z-image", "prompt=a cat")
    assert answer.code == 3
    assert "canary" not in answer.out + answer.err


def test_address_of_an_upstream_with_a_password_is_refused_without_it(
    souk: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "canary-key")
    monkeypatch.setenv("SOUK_KIE_BASE_URL", "https://someone:canary@kie.example")
    for command in (("doctor",), ("providers",)):
        answer = souk(*command)
        assert answer.code == 3
        assert "SOUK_KIE_BASE_URL" in answer.out + answer.err
        assert "canary" not in answer.out + answer.err


def test_unfit_api_key_is_a_configuration_error(souk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_API_KEY", "short")
    assert souk("migrate").code == 3
