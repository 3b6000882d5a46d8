"""How each of the operator's connections stands: what it runs, whether it takes tasks, what it costs."""

from collections.abc import Iterable, Sequence

import msgspec

from souk.catalog.catalog import Catalog
from souk.catalog.model import Route
from souk.ids import oldest_id_at
from souk.providers.connections import Configured
from souk.providers.registry import PROVIDERS
from souk.store import attempts, connections, tasks
from souk.store.connections import ConnectionRow
from souk.store.database import Connection
from souk.words import CREDIT, Millis

RECENT_MS = 3_600_000


class Known(msgspec.Struct, frozen=True):
    """What the database knows of all connections."""

    rows: dict[str, ConnectionRow] = {}
    in_flight: dict[str, int] = {}
    errors: dict[str, int] = {}


class Standing(msgspec.Struct, frozen=True):
    """A connection, or a service that has none."""

    provider: str
    title: str
    connection: str | None
    live: bool
    source: str
    """What configured it, or the variable that would."""
    base_url: str
    models: list[str]
    """What it can run, in the catalogue's order."""
    health: str = ""
    """``ok``, or since when and why it takes no tasks."""
    until: int | None = None
    in_flight: int = 0
    errors: int = 0
    """Attempts of the last hour's tasks that it did not do."""
    last_error: str = ""
    last_error_at: int | None = None
    spent: float = 0.0
    """Credits on this UTC day."""
    daily_cap: float | None = None


def known(connection: Connection, now: int) -> Known:
    """Read it. A database without tables raises DatabaseError."""
    since = oldest_id_at(Millis(now - RECENT_MS))
    return Known(
        connections.every(connection), tasks.flying(connection), attempts.errors_since(connection, since)
    )


def standings(catalog: Catalog, configured: Sequence[Configured], known: Known, now: int) -> list[Standing]:
    """Every connection in order, then every service that has none."""
    found = [_of(item, catalog, known, now) for item in configured]
    live = {item.provider for item in found}
    return found + [
        Standing(
            provider=name,
            title=entry.title,
            connection=None,
            live=False,
            source=entry.key_variable if entry.base_url else entry.base_url_variable,
            base_url=entry.base_url,
            models=models_of(catalog, name),
        )
        for name, entry in PROVIDERS.items()
        if name not in live
    ]


def models_of(catalog: Catalog, provider: str, connection: str = "") -> list[str]:
    """The models a provider can run, on this connection if it is named."""
    every = [*catalog.models.values(), *catalog.chats.values()]
    return [model.id for model in every if _runs(model.routes, provider, connection)]


def _runs(routes: Iterable[Route], provider: str, connection: str) -> bool:
    return any(
        route.usable and route.provider == provider and route.connection in ("", connection)
        for route in routes
    )


def _of(item: Configured, catalog: Catalog, known: Known, now: int) -> Standing:
    connection = item.connection
    row = known.rows.get(connection.name, ConnectionRow(connection.name))
    return Standing(
        provider=connection.provider,
        title=PROVIDERS[connection.provider].title,
        connection=connection.name,
        live=True,
        source=item.source,
        base_url=connection.base_url,
        models=models_of(catalog, connection.provider, connection.name),
        health=_health(row, connection.daily_cap, now),
        until=row.until if row.until > now else None,
        in_flight=known.in_flight.get(connection.name, 0),
        errors=known.errors.get(connection.name, 0),
        last_error=row.last_error,
        last_error_at=row.last_error_at or None,
        spent=row.spent_on(now) / CREDIT,
        daily_cap=connection.daily_cap / CREDIT if connection.daily_cap else None,
    )


def _health(row: ConnectionRow, cap: int, now: int) -> str:
    if cap and row.spent_on(now) >= cap:
        return "at its daily cap"
    if row.state == "ok" or (row.state == "paused" and row.until <= now):
        return "ok"
    return row.state if row.until > now else "to be tried"
