"""What unit tests of commands share."""

from pathlib import Path

import pytest

from tests.unit.command import Command, souk_on


@pytest.fixture
def souk_on_postgresql(
    tmp_path: Path,
    migrated_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Commands on an installation whose database is PostgreSQL."""
    command = souk_on(tmp_path, migrated_postgres_url, monkeypatch, capsys)
    command.good("migrate")
    return command
