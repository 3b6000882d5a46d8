"""Where an installation's data lives, from its settings."""

from souk.settings import Settings
from souk.store.database import Database, sqlite_url

FILE_NAME = "souk.db"


def database_of(settings: Settings, keys: tuple[str, ...] = ()) -> Database:
    """The database that the settings name: SQLite in the data folder unless they say otherwise.

    ``keys`` are the marks of the secret keys with which this process opens what it finds there.
    """
    url = settings.database_url.get_secret_value() or sqlite_url(settings.data_dir / FILE_NAME)
    return Database(url, keys=keys)
