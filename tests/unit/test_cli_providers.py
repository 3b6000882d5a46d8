"""``souk providers``: what is connected by what, how it stands, and what would connect the rest."""

from pathlib import Path
from typing import Any

import pytest

from souk.clock import SystemClock
from souk.store.connections import DAY_MS
from souk.store.database import Database
from souk.store.statement import Statement
from souk.words import CREDIT
from tests.unit.command import Command, souk_on


@pytest.fixture
def souk(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    command = souk_on(tmp_path, migrated_url, monkeypatch, capsys)
    command.good("migrate")
    monkeypatch.setenv("KIE_API_KEY", "made-up")
    return command


def row(souk: Command, provider: str = "kie") -> dict[str, Any]:
    rows = souk.good("providers", "--json").json
    return next(row for row in rows if row["provider"] == provider)


def store(url: str, **columns: object) -> None:
    connection = Database(url).connect()
    try:
        names = ", ".join(columns)
        values = ", ".join(f":{name}" for name in columns)
        connection.run(
            Statement(f"INSERT INTO connections (name, {names}) VALUES ('kie', {values})"),  # noqa: S608 - our own names
            columns,
        )
    finally:
        connection.close()


def test_fresh_connection_is_healthy_and_runs_its_models(souk: Command) -> None:
    found = row(souk)
    assert (found["health"], found["in_flight"], found["errors"], found["spent"]) == ("ok", 0, 0, 0)
    assert "z-image" in found["models"]


def test_open_connection_says_until_when_and_why(souk: Command, migrated_url: str) -> None:
    now = SystemClock().now()
    store(migrated_url, state="open", until=now + 60_000, last_error="auth: no such key", last_error_at=now)
    found = row(souk)
    assert (found["health"], found["until"]) == ("open", now + 60_000)
    assert "auth: no such key" in souk.good("providers").out


def test_connection_at_its_cap_says_so(souk: Command, migrated_url: str) -> None:
    (souk.data / "souk.yaml").write_text("connections: [{provider: kie, daily_cap: 5}]\n")
    store(migrated_url, spent_day=SystemClock().now() // DAY_MS, spent=5 * CREDIT)
    found = row(souk)
    assert (found["health"], found["spent"], found["daily_cap"]) == ("at its daily cap", 5, 5)


def test_models_are_named_when_asked_for(souk: Command) -> None:
    assert "z-image" not in souk.good("providers").out
    assert "z-image" in souk.good("providers", "--models").out


def test_service_without_a_key_names_its_variable_and_what_it_would_run(souk: Command) -> None:
    found = row(souk, "openai")
    assert (found["live"], found["source"], found["connection"]) == (False, "OPENAI_API_KEY", None)
    assert found["models"]


def test_providers_need_no_database(souk: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOUK_DATABASE_URL", raising=False)
    assert "live" in souk.good("providers", "--data-dir", tmp_path / "nothing").out
    assert not (tmp_path / "nothing").exists()


def test_doctor_names_routes_in_use_that_end(souk: Command) -> None:
    (souk.data / "souk.yaml").write_text(
        "models:\n  z-image:\n    routes: [{provider: kie, model: old, status: deprecated, successor: new}]\n"
    )
    findings = souk("doctor", "--json").json
    (found,) = [item for item in findings if item["subject"] == "route" and "z-image" in item["told"]]
    assert (found["standing"], "deprecated" in found["told"], "new" in found["remedy"]) == (
        "warning",
        True,
        True,
    )
