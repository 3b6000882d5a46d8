"""A check-up of an installation: what is configured, what is missing, and how to put it right. Changes nothing."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from souk.catalog import CatalogError, load_catalog
from souk.catalog.catalog import Catalog
from souk.clock import Clock
from souk.config import Config
from souk.operations.finding import Finding, Standing, bad, good, warning
from souk.providers.connections import BadConnection, Configured, configured
from souk.settings import NetworkPolicy, SandboxPolicy, Settings
from souk.store.database import Database, DatabaseError
from souk.store.migrate import Fit, fit
from souk.store.others import older_than
from souk.store.release import HEAD
from souk.store.version import current_version

if TYPE_CHECKING:
    from souk.operations.checkup_storage import Look

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_up(
    settings: Settings, config: Config, look: "Look", database: Database, env: Mapping[str, str], clock: Clock
) -> list[Finding]:
    """Every finding about an installation. ``look`` is what was found where its files live."""
    from souk.operations.checkup_data import check_data

    found = [good("settings", f"from {config.path} and the environment" if config.path else "no souk.yaml")]
    catalog, told = _catalog(config)
    found.append(told)
    connections: list[Configured] | None = None
    try:
        connections = configured(env, config.connections)
    except BadConnection as error:
        found.append(bad("connections", str(error), "correct it"))
    found += _connections(connections or [], settings) if connections is not None else []
    found += _ending(catalog, connections or []) if catalog else []
    found += [*look.findings, *_addresses(settings)]
    schema = _schema(database)
    found.append(schema)
    if schema.standing is not Standing.BAD:
        found += check_data(settings, database, look, clock)
    return found


def _catalog(config: Config) -> tuple[Catalog | None, Finding]:
    try:
        catalog = load_catalog(overrides=config.models)
    except CatalogError as error:
        return None, bad("catalogue", str(error), f"correct it in {config.path or 'the catalogue'}")
    told = f"{len(catalog.models)} models, {len(config.models)} changed by the operator"
    return catalog, good("catalogue", told)


def _ending(catalog: Catalog, connections: list[Configured]) -> Iterator[Finding]:
    """The models whose first choice among the connections is a route that its upstream is about to drop, or did."""
    live = [(item.connection.provider, item.connection.name) for item in connections]
    for model in (*catalog.models.values(), *catalog.chats.values()):
        taken = (
            route
            for route in model.routes
            if route.usable
            and any(provider == route.provider and route.connection in ("", name) for provider, name in live)
        )
        first = next(taken, None)
        if first is not None and first.status != "active":
            when = f", {first.date}" if first.date else ""
            instead = f"its successor there is {first.successor}" if first.successor else "find another model"
            yield warning(
                "route", f"{model.id} runs on {first.provider} {first.model}: {first.status}{when}", instead
            )


def _connections(found: list[Configured], settings: Settings) -> Iterator[Finding]:
    for item in found:
        yield good("connection", f"{item.connection.name} ({item.connection.base_url}), from {item.source}")
    policy = settings.sandbox
    if policy is SandboxPolicy.NEVER and not found:
        yield bad(
            "connection",
            "there is none and the sandbox is off, so only work that needs no model can run",
            "set a key variable that `souk providers` names, or SOUK_SANDBOX=auto",
        )
    elif policy is SandboxPolicy.NEVER:
        yield good("sandbox", "off: sandbox keys are refused every model")
    elif policy is SandboxPolicy.ALWAYS:
        yield warning("sandbox", "every task runs in it (SOUK_SANDBOX=always)", "unset it to go live")
    elif found:
        yield good("sandbox", "sandbox keys only; a live key needs a connection that can run its model")
    else:
        yield warning(
            "connection",
            "there is none, so every model runs in the sandbox and makes marked test files",
            "set a key variable that `souk providers` names to go live",
        )


def _addresses(settings: Settings) -> Iterator[Finding]:
    url = settings.public_url
    host = urlsplit(url).hostname or ""
    if url and (urlsplit(url).scheme not in ("http", "https") or not host):
        yield bad(
            "public address", f"SOUK_PUBLIC_URL is {url!r}", "give a whole address: https://souk.example.com"
        )
    elif url:
        yield good("public address", url)
    elif settings.loopback:
        yield warning(
            "public address",
            "clients on this machine only; upstreams cannot fetch inputs or call back",
            "to serve others set SOUK_HOST and SOUK_PUBLIC_URL",
        )
    else:
        yield warning(
            "public address",
            f"listens on {settings.host}, and links name {settings.host}:{settings.port}",
            "set SOUK_PUBLIC_URL to the address clients use",
        )
    exposed = bool(url and host not in _LOOPBACK) or not settings.loopback
    if settings.outbound_policy is NetworkPolicy.OPEN and exposed:
        yield warning(
            "outbound network",
            "open: clients can make this server contact its own network",
            "set SOUK_NETWORK_POLICY=private-denied unless every client is trusted",
        )
    else:
        yield good("outbound network", f"{settings.outbound_policy}; metadata services are always refused")


def _schema(database: Database) -> Finding:
    place = database.place
    try:
        version, suits = current_version(database), fit(database)
        older = older_than(database, HEAD)
    except DatabaseError as error:
        told = str(error) if place in str(error) else f"{place} cannot be used: {error}"
        return bad("database", told, "start it, or correct SOUK_DATABASE_URL")
    told = f"{place} has schema {version}, this Souk knows {HEAD}"
    match suits:
        case Fit.EMPTY:
            return bad("database", f"{place} is empty", "`souk serve` or `souk migrate` makes it")
        case Fit.BEHIND:
            return bad("database", told, "run `souk migrate`")
        case Fit.BEYOND:
            return bad("database", told, "install the newer version of Souk here")
        case Fit.AHEAD:
            return warning("database", told, "this version works on; install the newer one here too")
        case Fit.LOOSE:
            held_up = f"first stop the older processes: {'; '.join(map(str, older))}; then " if older else ""
            return warning("database", told, f"{held_up}run `souk migrate --post`")
        case Fit.EXACT:
            return good("database", f"{place}, schema {version}")
