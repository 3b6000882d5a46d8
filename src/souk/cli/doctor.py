"""``souk doctor``: how the installation stands, and how to put right what does not."""

import os
from typing import TYPE_CHECKING

import typer

from souk.cli.failure import Exit
from souk.cli.opening import load
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show

if TYPE_CHECKING:
    from souk.operations.checkup import Finding

MARKS = {"good": "ok  ", "warning": "note", "bad": "BAD "}


def doctor(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check settings, connections, storage, database, keys and books. Changes nothing."""
    from souk.clock import SystemClock
    from souk.premises import storage_folder
    from souk.operations.checkup import Standing, check_up
    from souk.store.place import database_of

    loaded = load(data_dir)
    settings = loaded.settings
    found = check_up(
        settings,
        loaded.config,
        storage_folder(settings),
        database_of(settings),
        os.environ,
        SystemClock(),
    )
    show(as_json, found, lambda: _print(found))
    if any(finding.standing is Standing.BAD for finding in found):
        raise typer.Exit(Exit.CONFIGURATION)


def _print(found: "list[Finding]") -> None:
    width = max(len(finding.subject) for finding in found)
    for finding in found:
        out(f"{MARKS[finding.standing]}  {finding.subject.ljust(width)}  {finding.told}")
        if finding.remedy:
            out(f"      {' ' * width}  -> {finding.remedy}")
