"""``souk doctor``: how the installation stands, and how to put right what does not."""

import os
from typing import TYPE_CHECKING

import typer

from souk.cli.failure import Exit
from souk.cli.opening import load, run
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show

if TYPE_CHECKING:
    from souk.operations.checkup_storage import Look
    from souk.operations.finding import Finding
    from souk.settings import Settings

RETRY_SECONDS = 3.0
"""Somebody waits for the answer, and a service that is busy is a finding."""
MARKS = {"good": "ok  ", "warning": "note", "bad": "BAD "}


def doctor(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check settings, connections, storage, database, keys and books. Leaves nothing changed."""
    from souk.clock import SystemClock
    from souk.operations.checkup import check_up
    from souk.operations.finding import Standing
    from souk.store.place import database_of

    loaded = load(data_dir)
    settings = loaded.settings
    found = check_up(
        settings,
        loaded.config,
        run(_look(settings)),
        database_of(settings),
        os.environ,
        SystemClock(),
    )
    show(as_json, found, lambda: _print(found))
    if any(finding.standing is Standing.BAD for finding in found):
        raise typer.Exit(Exit.CONFIGURATION)


async def _look(settings: "Settings") -> "Look":
    from souk.assets.storage import StorageError
    from souk.operations.checkup_storage import look_at_bucket, look_at_folder, unusable
    from souk.premises import bucket_storage_of, is_bucket, storage_folder
    from souk.settings import SettingsError

    if not is_bucket(settings):
        return look_at_folder(storage_folder(settings))
    try:
        storage = bucket_storage_of(settings.model_copy(update={"s3_retry_seconds": RETRY_SECONDS}))
    except (SettingsError, StorageError) as error:
        return unusable(settings.storage_url, str(error))
    try:
        return await look_at_bucket(storage, settings)
    finally:
        await storage.close()


def _print(found: "list[Finding]") -> None:
    width = max(len(finding.subject) for finding in found)
    for finding in found:
        out(f"{MARKS[finding.standing]}  {finding.subject.ljust(width)}  {finding.told}")
        if finding.remedy:
            out(f"      {' ' * width}  -> {finding.remedy}")
