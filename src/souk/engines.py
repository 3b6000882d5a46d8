"""What tasks can run on: the operator's connections and this machine's engines, made from the settings; how much."""

from collections.abc import Mapping

from souk.catalog.catalog import Catalog
from souk.config import Config
from souk.engine.routes import HERE, LOCAL, SANDBOX
from souk.engine.world import EngineLimits
from souk.providers import connections as configured_connections
from souk.providers.base import Connection, LocalProvider, Provider
from souk.providers.children.pool import Pool
from souk.providers.children.processors import processors
from souk.providers.connections import Configured
from souk.providers.local import LocalEngine
from souk.providers.registry import PROVIDERS
from souk.providers.sandbox import Sandbox
from souk.settings import SandboxPolicy, Settings, SettingsError


def connections_of(
    settings: Settings, config: Config, env: Mapping[str, str]
) -> tuple[list[Configured], dict[str, Connection]]:
    """The operator's connections, and all that tasks can run on: this machine's engines are among that.

    The sandbox is, unless it is switched off; the local engine always, and only it serves live tasks too.
    """
    limits = configured_connections.Limits(settings.connection_concurrency, settings.polls_per_second)
    configured = configured_connections.configured(env, config.connections, limits)
    connections = {item.connection.name: item.connection for item in configured}
    connections[LOCAL] = Connection(name=LOCAL, provider=LOCAL)
    if settings.sandbox is not SandboxPolicy.NEVER:
        connections[SANDBOX] = Connection(name=SANDBOX, provider=SANDBOX)
    return configured, connections


def check_routes(catalog: Catalog) -> None:
    """Refuse a route that leads a task to a service which only chats. Raises SettingsError."""
    for model in catalog.models.values():
        for route in model.routes:
            entry = PROVIDERS.get(route.provider)
            if entry is not None and entry.factory is None:
                raise SettingsError(
                    f"souk.yaml: models: {model.id}: {route.provider} runs no tasks, it only chats"
                )


def add_providers(providers: dict[str, Provider], connections: Mapping[str, Connection]) -> None:
    """Make the adapters that are missing of the services that are connected and run tasks, by provider name.

    None is taken away: tasks of a connection that is gone are asked after all the same.
    """
    for name in {connection.provider for connection in connections.values()} - HERE - providers.keys():
        factory = PROVIDERS[name].factory
        if factory is not None:
            providers[name] = factory()


def fitters_of(settings: Settings) -> Pool:
    """The processes that make input files fit: not those of the engines, which may be busy for most of an hour."""
    return Pool(settings.sandbox_workers or processors())


def engines_of(settings: Settings) -> dict[str, LocalProvider]:
    """This machine's engines, by provider name. They share their child processes."""
    children = Pool(settings.sandbox_workers or processors())
    return {SANDBOX: Sandbox(children, settings.sandbox_delay), LOCAL: LocalEngine(children)}


def limits_of(settings: Settings) -> EngineLimits:
    """How much one engine process takes on, and how long it waits."""
    return EngineLimits(
        slots=settings.engine_slots,
        account_concurrency=settings.account_concurrency,
        review_seconds=settings.review_seconds,
        breaker_seconds=settings.breaker_seconds,
        drain_seconds=settings.drain_seconds,
        lease_seconds=settings.lease_seconds,
        logs_days=settings.logs_days,
        idempotency_days=settings.idempotency_days,
        ledger_days=settings.ledger_days,
        sweep_seconds=settings.sweep_seconds,
    )
