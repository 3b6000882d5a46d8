"""What a fake upstream took: one JSON line each, synced before the answer, so counts outlive a kill."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Submit:
    """One task an upstream accepted, and would charge for."""

    task_id: str
    model: str
    prompt: str
    created: float
    """Seconds since the epoch."""
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    callback: str = ""
    hops: str = ""


class Journal:
    """Keeps accepted submits in memory and, if given a file, there as well."""

    def __init__(self, path: Path | None) -> None:
        self.submits = read_submits(path) if path else []
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if path else None

    def record(self, submit: Submit) -> None:
        if self._file is not None:
            os.write(self._file, json.dumps(asdict(submit)).encode() + b"\n")
            os.fsync(self._file)
        self.submits.append(submit)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_submits(path: Path) -> list[Submit]:
    """The submits in a journal file; a line cut off by a kill was never answered and does not count."""
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    return [Submit(**json.loads(line)) for line in whole.splitlines()]


def count(submits: list[Submit], marker: str, model: str = "") -> int:
    """How many submits carry ``marker`` in their prompt, of one model or of any."""
    return sum(marker in each.prompt and model in ("", each.model) for each in submits)
