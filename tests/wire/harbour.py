"""With ``FLEET=N`` in the environment, what stands in for a Souk in one process: a fleet over PostgreSQL and S3.

One fleet has N servers and N engines, another N servers alone, where created tasks stay as they are. Of each, one
member of a kind is killed every five seconds. A test that opens a Souk without settings of its own is given an account
there, and a house in its own process, on the same database and files, to look inside. A test with settings of its own,
with an upstream or a clock, has them in one process, on PostgreSQL and S3 as well; so has one that is marked ``alone``,
with the reason.
"""

import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
from psycopg import sql
from pydantic import SecretStr

from souk.config import Config
from souk.house import House
from souk.settings import Settings
from tests.faults.fleet import fleet_in_a_thread, patient
from tests.objectstore import ObjectStore, settings_of
from tests.wire.serving import KEY, Client, Souk

FLEET = int(os.environ.get("FLEET", "0"))
KILL_EVERY_SECONDS = 5.0
OF_AN_ACCOUNT = {"initial_credits", "webhook_key"}
"""Settings that an account can have as well."""


@dataclass
class Port:
    """One fleet, and who has an account there, by the folder that would have been opened."""

    url: str
    settings: dict[str, Any]
    guests: dict[Path, tuple[str, str]] = field(default_factory=dict[Path, tuple[str, str]])

    @asynccontextmanager
    async def visit(self, folder: Path, **given: Any) -> AsyncIterator[Souk]:
        """An account's client of the fleet. The same folder is the same account."""
        settings = Settings.model_validate(self.settings | {"data_dir": folder})
        house = await House.open(settings, Config(), engine=False, public_url=self.url, env={})
        try:
            async with aiohttp.ClientSession(middlewares=[patient]) as session:
                if folder not in self.guests:
                    self.guests[folder] = await self._guest(house, session, **given)
                suffix, key = self.guests[folder]
                yield Souk(house, Client(session, self.url, key), suffix)
        finally:
            await house.close()

    async def _guest(
        self,
        house: House,
        session: aiohttp.ClientSession,
        initial_credits: float = 10_000,
        webhook_key: SecretStr | None = None,
    ) -> tuple[str, str]:
        """What follows the names of a new guest's accounts, and a key of one that is as the first would be."""
        souk = Souk(house, Client(session, self.url), f"-{uuid4().hex}")
        client = await souk.another_account("main", credits=initial_credits)
        if webhook_key is not None:
            webhooks = house.admin("test").webhooks
            await webhooks.rotate(souk.named("main"), webhook_key.get_secret_value())
            await webhooks.finish(souk.named("main"))
        return souk.suffix, client.key


@dataclass
class Harbour:
    """The fleets, started when they are first asked for, and databases and buckets for who sails alone."""

    folder: Path
    postgres: str
    store: ObjectStore
    stack: ExitStack
    open: bool = True
    """Whether there is a fleet for who asks; off for a test that must have a process of its own."""
    places: dict[Path, dict[str, Any]] = field(default_factory=dict[Path, dict[str, Any]])

    @cached_property
    def running(self) -> Port:
        """Servers and engines."""
        return self._port("running", engines=True)

    @cached_property
    def idle(self) -> Port:
        """Servers alone."""
        return self._port("idle", engines=False)

    def port_for(self, settings: dict[str, Any], *, engine: bool) -> Port | None:
        """The fleet that stands in for a Souk with these settings; None if none does."""
        if not self.open or set(settings) - OF_AN_ACCOUNT:
            return None
        return self.running if engine else self.idle

    def place(self, folder: Path) -> dict[str, Any]:
        """Settings that put one Souk on PostgreSQL and S3. The same folder is the same place."""
        if folder not in self.places:
            self.places[folder] = self._new_place()
        return self.places[folder]

    def _new_place(self) -> dict[str, Any]:
        name = f"wire_{uuid4().hex}"
        # Nobody drops it: the cluster goes with the last test, and hundreds of drops would take minutes.
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        url = f"{self.postgres.rpartition('/')[0]}/{name}"
        return {"database_url": url, **settings_of(self.store.bucket())}

    def _port(self, name: str, *, engines: bool) -> Port:
        settings = {
            "api_key": KEY,
            "secret_key": uuid4().hex,
            "initial_credits": "1000000",
            "network_policy": "open",
            **self._new_place(),
        }
        env = {f"SOUK_{key.upper()}": value for key, value in settings.items()}
        how: dict[str, Any] = {"size": FLEET, "engines": engines, "every": KILL_EVERY_SECONDS}
        return Port(self.stack.enter_context(fleet_in_a_thread(self.folder / name, env, **how)), settings)
