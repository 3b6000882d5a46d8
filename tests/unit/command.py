"""The ``souk`` command inside the test's own process: what it prints, and the code it ends with."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from souk.cli.main import main

MODEL = "qwen/text-to-image"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Runs ``souk`` on the data folder ``data``."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *words: object) -> Answer:
        with log_as_it_was():
            code = main([str(word) for word in words])
        captured = self._capsys.readouterr()
        return Answer(int(code), captured.out, captured.err)

    def good(self, *words: object) -> Answer:
        """Run a command that must succeed."""
        answer = self(*words)
        assert answer.code == 0, answer.err
        return answer


def souk_on(
    data: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """A command whose environment names a data folder and, unless it is SQLite, a database."""
    monkeypatch.setenv("SOUK_DATA_DIR", str(data))
    if url.startswith("postgresql:"):
        monkeypatch.setenv("SOUK_DATABASE_URL", url)
    monkeypatch.chdir(data)
    return Command(data, capsys)


def past_in(folder: Path, *runs: tuple[str, int], **settings: str) -> Path:
    """Run the model once for each prompt, with the code it ends with; the data folder, and in it ``made.png``."""
    with pytest.MonkeyPatch.context() as patch, log_as_it_was():
        for name, value in {"SOUK_DATA_DIR": str(folder), "SOUK_SANDBOX_WORKERS": "1", **settings}.items():
            patch.setenv(name, value)
        for prompt, code in runs:
            assert main(["run", MODEL, f"prompt={prompt}", "-o", str(folder / "made.png")]) == code
    return folder


def tables_of(backup: Path) -> dict[str, Any]:
    """What a backup's manifest says of its tables, but for that of facts: each installation has an id of its own."""
    tables: dict[str, Any] = json.loads((backup / "manifest.json").read_text())["tables"]
    del tables["meta"]
    return tables


def souk_after(
    past: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """A command on a copy of such a folder, on SQLite."""
    shutil.copytree(past, data, dirs_exist_ok=True)
    return souk_on(data, "sqlite:", monkeypatch, capsys)


@contextmanager
def log_as_it_was() -> Iterator[None]:
    """Commands send the log to stderr; the next test wants it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
