"""``souk migrate``: brings the database to the schema this version works with, without serving.

Deployments run it before and after the services, and collect what it says as they do theirs: where the log is JSON, all
of it is lines of JSON.
"""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.failure import Exit, Failure
from souk.cli.opening import load, open_desk, run
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show

if TYPE_CHECKING:
    from souk.settings import LogFormat, Settings
    from souk.words import JsonObject


def migrate(
    pre: Annotated[
        bool, typer.Option("--pre", help="Only add what is new: safe while an older Souk runs.")
    ] = False,
    post: Annotated[
        bool, typer.Option("--post", help="Only remove what is old: once no older Souk runs.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make the database, or bring it to the newest schema; makes the first account if there is none."""
    from souk.store.migrate import upgrade
    from souk.store.place import database_of
    from souk.store.release import Half
    from souk.store.version import current_version

    settings = load(data_dir, unattended=True).settings
    database = database_of(settings)
    before = current_version(database)
    wanted = tuple(half for half, named in ((Half.PRE, pre), (Half.POST, post)) if named) or tuple(Half)
    if Half.POST in wanted:
        _check_nobody_runs(settings)
    ran = upgrade(database, wanted)

    async def work() -> None:
        async with open_desk(settings, create=True):
            pass

    run(work(), settings.log_format)
    data = {"database": database.place, "before": before, "schema": current_version(database), "steps": ran}
    show(as_json, data, lambda: out(_told(data, settings.log_format)))


def _told(data: "JsonObject", style: "LogFormat") -> str:
    """What was done, for people or as a line of the log."""
    from souk.logs import json_line
    from souk.settings import LogFormat

    if style is LogFormat.JSON:
        return json_line(time.time(), "INFO", "migrate", "migrated", data)
    before, now = data["before"], data["schema"]
    return f"{data['database']} is at schema {now}" + (
        "" if before == now else f", it was {before or 'empty'}"
    )


def _check_nobody_runs(settings: "Settings") -> None:
    """On SQLite nobody can tell which version runs, so the post half waits until none does. Raises Failure."""
    from souk.engine.slot import any_taken
    from souk.store.migrate import Fit, fit
    from souk.store.place import database_of

    changes = fit(database_of(settings)) in (Fit.BEHIND, Fit.LOOSE)
    if settings.sqlite and changes and any_taken(settings.data_dir / "slots"):
        raise Failure(f"a souk process runs in {settings.data_dir}; stop it first", Exit.CONFIGURATION)
