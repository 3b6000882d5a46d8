"""Canary secrets in every secret field are found in no log, error, record, metric or dump."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest

from souk.store.database import sqlite_url
from tests.faults.canaries import TOKENS, Evidence, forms, found_in, gather_evidence
from tests.postgres import fresh_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def evidence(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """All that two servers said and stored, once for all tests of this file."""
    folder = tmp_path_factory.mktemp("canaries")
    if request.param == "sqlite":
        yield asyncio.run(gather_evidence(folder, sqlite_url(folder / "data" / "souk.db")))
        return
    with fresh_database(request.getfixturevalue("postgres_server"), f"test_{uuid4().hex}") as url:
        yield asyncio.run(gather_evidence(folder, url))


def test_every_kind_of_trouble_was_met(evidence: Evidence) -> None:
    log = evidence.log["the log"]
    assert {"", "408", "422", "451", "500"} <= {task["failCode"] for task in evidence.tasks}
    assert any("Your key: ***" in task["failMsg"] for task in evidence.tasks)
    assert "request failed" in log
    assert "Traceback" in log
    assert '{"at":' in log
    assert "cannot POST /bad?***" in evidence.tables["table deliveries"]
    assert "souk_deliveries_total" in "".join(evidence.answers.values())
    assert all(evidence.commands.values())


def test_no_secret_is_in_the_log(evidence: Evidence) -> None:
    assert found_in(evidence.log, evidence.secrets | TOKENS) == []


def test_no_secret_is_in_what_a_command_prints(evidence: Evidence) -> None:
    assert found_in(evidence.commands, evidence.secrets | TOKENS) == []


def test_no_secret_is_in_an_answer(evidence: Evidence) -> None:
    assert found_in(evidence.answers, evidence.secrets | TOKENS) == []


def test_no_secret_is_in_a_callback(evidence: Evidence) -> None:
    assert found_in(evidence.callbacks, evidence.secrets | TOKENS) == []


def test_no_secret_is_in_a_table(evidence: Evidence) -> None:
    assert found_in(evidence.tables, evidence.secrets | TOKENS) == []


def test_no_secret_is_in_any_file_of_the_data_folder_or_in_a_backup(evidence: Evidence) -> None:
    wanted = {name: [form.encode() for form in forms(secret)] for name, secret in evidence.secrets.items()}
    found = [
        f"{name} is in {place}"
        for place, data in evidence.files.items()
        for name, written in wanted.items()
        if any(form in data for form in written)
    ]
    assert found == []
    assert "data/backup.tar" in evidence.files
