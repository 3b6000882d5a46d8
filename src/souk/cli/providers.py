"""``souk providers``: which upstream services there are, and which of them are connected, by what."""

import os
from typing import Any

from souk.cli.opening import load
from souk.cli.options import AsJson, DataDir
from souk.cli.show import show, table

LOCAL_ENGINE: dict[str, Any] = {
    "provider": "local",
    "title": "Local engine",
    "connection": "local",
    "live": True,
    "source": None,
    "base_url": "",
}
"""What needs no key and is always there."""


def providers(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the upstream services and the connections that are configured."""
    from souk.providers.connections import configured
    from souk.providers.registry import PROVIDERS

    found = configured(os.environ, load(data_dir).config.connections)
    rows: list[dict[str, Any]] = [
        {
            "provider": item.connection.provider,
            "title": PROVIDERS[item.connection.provider].title,
            "connection": item.connection.name,
            "live": True,
            "source": item.source,
            "base_url": item.connection.base_url,
        }
        for item in found
    ]
    live = {row["provider"] for row in rows}
    rows += [
        {
            "provider": name,
            "title": entry.title,
            "connection": None,
            "live": False,
            "source": entry.key_variable,
            "base_url": entry.base_url,
        }
        for name, entry in PROVIDERS.items()
        if name not in live
    ]
    rows.append(LOCAL_ENGINE)
    lines = (
        (row["provider"], row["title"], row["connection"] or "-", _state(row), row["base_url"])
        for row in rows
    )
    show(as_json, rows, lambda: table(("Provider", "Service", "Connection", "State", "Base URL"), lines))


def _state(row: dict[str, Any]) -> str:
    """What makes a connection live, or would."""
    if row["source"] is None:
        return "live, on this machine"
    return f"live, from {row['source']}" if row["live"] else f"set {row['source']}"
