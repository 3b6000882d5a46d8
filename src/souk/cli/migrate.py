"""``souk migrate``: brings the database to the schema this version works with, without serving."""

from souk.cli.opening import load, open_desk, run
from souk.cli.options import AsJson, DataDir
from souk.cli.show import out, show


def migrate(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Make the database, or bring it to the newest schema; makes the first account if there is none."""
    from souk.store.migrate import HEAD, current_version
    from souk.store.place import database_of

    settings = load(data_dir).settings
    database = database_of(settings)
    before = current_version(database)

    async def work() -> None:
        async with open_desk(settings, create=True):
            pass

    run(work())
    place = database.place
    told = f"{place} is at schema {HEAD}" + ("" if before == HEAD else f", it was {before or 'empty'}")
    show(as_json, {"database": place, "before": before, "schema": HEAD}, lambda: out(told))
