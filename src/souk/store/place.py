"""Where an installation's data lives, from its settings."""

from urllib.parse import urlsplit

from souk.settings import Settings
from souk.store.database import Database, sqlite_url
from souk.store.statement import Dialect

FILE_NAME = "souk.db"


def database_of(settings: Settings) -> Database:
    """The database that the settings name: SQLite in the data folder unless they say otherwise."""
    return Database(settings.database_url or sqlite_url(settings.data_dir / FILE_NAME))


def described(database: Database) -> str:
    """A database's place in words, without its password."""
    if database.dialect is Dialect.SQLITE:
        return str(database.path)
    parts = urlsplit(database.url)
    return f"postgresql://{parts.hostname or ''}:{parts.port or 5432}{parts.path}"
