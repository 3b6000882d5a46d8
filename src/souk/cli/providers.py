"""``souk providers``: the connections and how each stands, and what would make further ones."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from souk.cli.opening import Loaded, load
from souk.cli.options import AsJson, DataDir
from souk.cli.show import moment, out, show, table

if TYPE_CHECKING:
    from souk.operations.standing import Known, Standing

AlsoModels = Annotated[bool, typer.Option("--models", help="Name the models each one can run.")]


def providers(as_json: AsJson = False, models: AlsoModels = False, data_dir: DataDir = None) -> None:
    """List the connections: what configured them, what they can run, whether they take tasks, what they cost today."""
    from souk.catalog import load_catalog
    from souk.clock import SystemClock
    from souk.operations.standing import standings
    from souk.providers.connections import configured

    loaded = load(data_dir)
    catalog = load_catalog(overrides=loaded.config.models)
    now = SystemClock().now()
    found = standings(catalog, configured(os.environ, loaded.config.connections), _known(loaded, now), now)
    show(as_json, found, lambda: _print(found, models))


def _known(loaded: Loaded, now: int) -> "Known":
    """What the database knows; nothing where there is none yet."""
    from souk.operations.standing import Known, known
    from souk.store.database import DatabaseError
    from souk.store.migrate import fit
    from souk.store.place import database_of

    try:
        database = database_of(loaded.settings)
        if not fit(database).works:
            return Known()
        connection = database.connect(read_only=True)
        try:
            return known(connection, now)
        finally:
            connection.close()
    except DatabaseError:
        return Known()


def _print(found: "list[Standing]", models: bool) -> None:
    live = [item for item in found if item.live]
    if live:
        head = (
            "Connection",
            "Service",
            "Configured by",
            "Models",
            "Health",
            "In flight",
            "Errors (1 h)",
            "Credits today",
        )
        table(head, map(_live, live))
        for item in live:
            if item.last_error:
                out(f"{item.connection}: {moment(item.last_error_at)} {item.last_error}")
    if models:
        for item in live:
            out(f"\n{item.connection} runs {', '.join(item.models) or 'what souk.yaml routes to it'}")
    rows = (
        (item.provider, item.title, f"set {item.source}", len(item.models)) for item in found if not item.live
    )
    table(("Provider", "Not connected", "To connect", "Models"), rows)


def _live(item: "Standing") -> tuple[object, ...]:
    cap = "" if item.daily_cap is None else f" of {item.daily_cap:,.2f}"
    until = f" until {moment(item.until)}" if item.until else ""
    return (
        item.connection,
        item.title,
        f"live, from {item.source}",
        len(item.models),
        item.health + until,
        item.in_flight,
        item.errors,
        f"{item.spent:,.2f}{cap}",
    )
