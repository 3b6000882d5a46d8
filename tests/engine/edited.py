"""A process whose souk.yaml is edited while it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from souk.config import read_config
from souk.engine.roads import Traffic
from souk.house import House
from souk.settings import Settings
from tests.engine.running import API_KEY, MODEL, Running
from tests.upstreams.kie import KEY, FakeKie

LIVE: dict[str, Any] = {"engine": True, "initial_credits": 100, "breaker_seconds": 0}
LONG = 20.0
HOUR = 3600.0
NEVER = "[up:never]"


def write(folder: Path, document: Any) -> Path:
    """Write souk.yaml as a careful editor does: whole, in the place of the old one."""
    folder.mkdir(exist_ok=True)
    draft = folder / "souk.yaml.new"
    draft.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    draft.rename(folder / "souk.yaml")
    return folder / "souk.yaml"


def connection(name: str, upstream: FakeKie, **more: Any) -> dict[str, Any]:
    """A connection to an upstream, as souk.yaml lists it."""
    return {"name": name, "provider": "kie", "api_key": KEY, "base_url": upstream.url, **more}


def listed(*connections: dict[str, Any], **model: Any) -> dict[str, Any]:
    """A souk.yaml of these connections; ``model`` changes the one model most tests use."""
    return {"models": {MODEL: {"usual_seconds": 0.2, **model}}, "connections": list(connections)}


def only(*connections: dict[str, Any]) -> dict[str, Any]:
    """A souk.yaml in which nothing but these can run the model."""
    return listed(*connections, routes=[{"provider": "kie"}])


async def edit(folder: Path, document: Any, *processes: Running) -> None:
    """Write souk.yaml and wait until it is in force, without waiting for the next look at it."""
    write(folder, document)
    for souk in processes:
        edition = souk.house.catalog.edition
        souk.house.watch.read_again()
        async with asyncio.timeout(LONG):
            while souk.house.catalog.edition == edition:  # noqa: ASYNC110 - a file is waited for
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(
    folder: Path, url: str, *, engine: bool = False, **settings: Any
) -> AsyncIterator[Running]:
    """A process that was started with the souk.yaml of this folder."""
    given = Settings.model_validate(
        {
            "data_dir": folder,
            "database_url": url,
            "api_key": API_KEY,
            "secret_key": "a secret key that all nodes of a test share",
            "sandbox_workers": 1,
            "drain_seconds": 0,
            **settings,
        }
    )
    path = folder / "souk.yaml"
    config = read_config(path if path.exists() else None)
    house = await House.open(given, config, engine=engine, env={})
    try:
        yield Running(house, await house.operations.authenticate(API_KEY, "127.0.0.1"))
    finally:
        await house.close()


def traffic(souk: Running, name: str) -> Traffic:
    """What the tasks of a process share on a connection."""
    return souk.engine._roads.of(souk.house.connections[name])
