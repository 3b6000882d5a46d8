"""Where an installation's data lives, from its settings."""

from souk.settings import Settings
from souk.store.database import Database, sqlite_url

FILE_NAME = "souk.db"


def database_of(settings: Settings) -> Database:
    """The database that the settings name: SQLite in the data folder unless they say otherwise."""
    return Database(settings.database_url.get_secret_value() or sqlite_url(settings.data_dir / FILE_NAME))
