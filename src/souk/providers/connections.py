"""The operator's connections, read once at start from environment variables and ``souk.yaml``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from souk.net.http import Blocked
from souk.net.policy import Policy, check_url
from souk.providers.base import Connection
from souk.providers.registry import PROVIDERS, Entry
from souk.providers.third_party import third_party
from souk.words import credits_from_number

LISTED_KEYS = frozenset(
    {
        "name",
        "provider",
        "api_key",
        "api_key_file",
        "base_url",
        "concurrency",
        "polls_per_second",
        "submits_per_minute",
        "daily_cap",
        "options",
    }
)

TAKEN_NAMES = frozenset({"sandbox", "local"})
"""Connections that are always there: to the engines of this machine."""


# Here and not in the table: a package that adds one needs the table's Entry to be there.
PROVIDERS.update(third_party(Entry, PROVIDERS))


class BadConnection(ValueError):
    """A connection is configured in a way that cannot work; the message names the variable or entry."""


@dataclass(frozen=True, slots=True)
class Configured:
    """A live connection and the variable (or entry of ``souk.yaml``) that made it so."""

    connection: Connection
    source: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection gets that names no limits of its own; see :class:`Connection`."""

    concurrency: int = 0
    polls_per_second: float = 50.0


def configured(
    env: Mapping[str, str], listed: Sequence[Mapping[str, Any]] = (), limits: Limits | None = None
) -> list[Configured]:
    """Every connection: first those of ``souk.yaml`` in order, then those that a key variable makes.

    A listed connection may leave out its key and base URL where the provider's variables hold them. One
    that has a provider's own name takes the place of that provider's default. Raises BadConnection.
    """
    limits = limits or Limits()
    found: dict[str, Configured] = {}
    for index, item in enumerate(listed):
        made = _listed(env, item, f"souk.yaml: connections[{index}]", limits)
        if made.connection.name in TAKEN_NAMES:
            raise BadConnection(
                f"{made.source}: {made.connection.name} is the name of an engine of this machine; choose another"
            )
        if made.connection.name in found:
            raise BadConnection(f"souk.yaml names the connection {made.connection.name!r} twice")
        found[made.connection.name] = made
    for name, entry in PROVIDERS.items():
        key, source = _default(env, entry)
        if source and name not in found:
            connection = Connection(
                name=name,
                provider=name,
                base_url=_base_url(env.get(entry.base_url_variable, ""), entry, entry.base_url_variable),
                api_key=key,
                concurrency=limits.concurrency,
                polls_per_second=limits.polls_per_second,
                options=_options(env, entry, {}, name),
            )
            found[name] = Configured(connection, source)
    return list(found.values())


def is_secret(option: str) -> bool:
    """Whether an option of a connection is a key, which may come from a file and is never shown."""
    return option.endswith("_key")


def _listed(env: Mapping[str, str], item: Mapping[str, Any], where: str, limits: Limits) -> Configured:
    if unknown := sorted(set(item) - LISTED_KEYS):
        raise BadConnection(
            f"{where}: unknown {', '.join(map(repr, unknown))}; it may hold {', '.join(sorted(LISTED_KEYS))}"
        )
    provider = _text(item, "provider", where)
    entry = PROVIDERS.get(provider)
    if entry is None:
        raise BadConnection(f"{where}: provider {provider!r} is not one of {', '.join(PROVIDERS)}")
    key, source = _text(item, "api_key", where), where
    if not key and (path := _text(item, "api_key_file", where)):
        key = _file(path, f"{where}: api_key_file")
    if not key:
        key, source = _secret(env, entry.key_variable)
        source = f"{where} with {source}" if source else where
    if not key and entry.base_url:
        raise BadConnection(f"{where}: give it an api_key or api_key_file, or set {entry.key_variable}")
    url = _text(item, "base_url", where)
    from_env = url or env.get(entry.base_url_variable, "")
    connection = Connection(
        name=_text(item, "name", where) or provider,
        provider=provider,
        base_url=_base_url(from_env, entry, f"{where}: base_url" if url else entry.base_url_variable),
        api_key=key,
        concurrency=int(_number(item, "concurrency", limits.concurrency, where)),
        polls_per_second=_number(item, "polls_per_second", limits.polls_per_second, where),
        submits_per_minute=_number(item, "submits_per_minute", 0, where),
        daily_cap=credits_from_number(_number(item, "daily_cap", 0, where)),
        options=_options(env, entry, item.get("options") or {}, where),
    )
    return Configured(connection, source)


def _default(env: Mapping[str, str], entry: Entry) -> tuple[str, str]:
    """The key of a provider's own connection, and the variable that makes it; none if there is no such connection."""
    key, source = _secret(env, entry.key_variable)
    if entry.base_url:
        return key, source
    return key, entry.base_url_variable if env.get(entry.base_url_variable, "").strip() else ""


def _secret(env: Mapping[str, str], variable: str) -> tuple[str, str]:
    """The value and the variable it came from: the variable itself, or the file its ``_FILE`` twin names."""
    if value := env.get(variable, "").strip():
        return value, variable
    if path := env.get(f"{variable}_FILE", "").strip():
        return _file(path, f"{variable}_FILE"), f"{variable}_FILE"
    return "", ""


def _file(path: str, where: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConnection(f"{where}: cannot read {path} ({type(error).__name__})") from error
    if not value:
        raise BadConnection(f"{where}: {path} is empty")
    return value


def _base_url(value: str, entry: Entry, where: str) -> str:
    url = value.strip().rstrip("/") or entry.base_url
    if not url:
        raise BadConnection(f"{where}: give it a base_url, or set {entry.base_url_variable}")
    try:
        check_url(url, Policy.OPEN)
    except Blocked as error:
        raise BadConnection(f"{where}: {error}") from error
    if "?" in url or "#" in url:
        raise BadConnection(f"{where}: a base URL has no query and no fragment")
    return url


def _options(env: Mapping[str, str], entry: Entry, given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, dict) or not set(cast(dict[str, Any], given)) <= set(entry.options):
        raise BadConnection(f"{where}: options may hold {', '.join(entry.options) or 'nothing'}")
    options = {
        name: _secret(env, variable)[0] if is_secret(name) else env.get(variable, "").strip()
        for name, variable in entry.options.items()
    }
    options |= {name: str(value).strip() for name, value in cast(dict[str, Any], given).items()}
    return {
        name: _base_url(value, entry, f"{where}: {name}") if name.endswith("_url") else value
        for name, value in options.items()
        if value
    }


def _text(item: Mapping[str, Any], name: str, where: str) -> str:
    value = item.get(name) or ""
    if not isinstance(value, str):
        raise BadConnection(f"{where}: {name} must be a text")
    return value.strip()


def _number(item: Mapping[str, Any], name: str, default: float, where: str) -> float:
    value = item.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise BadConnection(f"{where}: {name} must be a number, 0 or more")
    return value
