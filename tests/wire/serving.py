"""A whole Souk behind a real socket, and a client that speaks to it as any client would."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from souk.app import asgi
from souk.clock import Clock
from souk.config import Config
from souk.house import House
from souk.operations.admin import KeyRules
from souk.settings import Settings
from souk.words import Mode, Scope, credits_from_number

if TYPE_CHECKING:
    from tests.wire.harbour import Harbour

harbour: "Harbour | None" = None
"""What gives a fleet to who opens a Souk, while the wire tests are run on one."""

KEY = "test-key-of-the-first-account"
CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
NO_TASK = "019a3c0a91e27d84a5c1390d4e8b2716"
"""An id that no task has."""
CHEAP: dict[str, Any] = {"model": "nano-banana-pro", "input": {"prompt": "A lighthouse at dusk"}}


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def code(self) -> int:
        return self.body["code"]

    @property
    def data(self) -> Any:
        assert self.code == 200, self.body
        return self.body["data"]

    @property
    def error(self) -> dict[str, Any]:
        assert self.code != 200, self.body
        assert self.body["data"] is None
        return self.body["error"]


def masked(reply: Reply) -> tuple[int, list[str], bytes]:
    """Everything a client can see of a reply but the request's own id and the moment."""
    body = re.sub(rb'"requestId":"[^"]*"', b"", reply.raw)
    return reply.status, sorted(set(reply.headers) - {"date"}), body


@dataclass
class Client:
    """One API key at one address."""

    session: aiohttp.ClientSession
    url: str
    key: str = KEY

    async def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, data: Any = None, **query: Any
    ) -> Reply:
        given = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with self.session.request(
            method, self.url + path, headers=given | (headers or {}), data=data, params=query or None
        ) as answer:
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, names, await answer.read())

    async def get(self, path: str, **query: Any) -> Reply:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Any, **headers: str) -> Reply:
        """``body`` is sent as JSON, or as it is if it is bytes. ``Idempotency_Key`` is a header."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.call("POST", path, data=data, headers={"Content-Type": "application/json"} | named)

    async def create(self, body: dict[str, Any] | None = None, **headers: str) -> str:
        """The id of a new task."""
        return (await self.post(CREATE, body or CHEAP, **headers)).data["taskId"]

    async def record(self, task_id: str, **query: Any) -> dict[str, Any]:
        return (await self.get(RECORD, taskId=task_id, **query)).data


@dataclass
class Souk:
    """A running Souk and the client of its first account."""

    house: House
    client: Client
    suffix: str = ""
    """Of the names of accounts, where many tests share a database."""
    _made: int = field(default=0)

    def named(self, account: str) -> str:
        """What an account is really called."""
        return account + self.suffix

    async def another_key(
        self, account: str, *, mode: Mode = Mode.LIVE, rules: KeyRules | None = None
    ) -> Client:
        """A client with a new key of an account."""
        self._made += 1
        made = await self.house.admin("test").keys.create(
            self.named(account), f"key-{self._made}", mode=mode, scope=Scope.USER, rules=rules
        )
        return Client(self.client.session, self.client.url, made.text)

    async def another_account(self, name: str, *, credits: float = 1000) -> Client:
        """A client of a new account that has credits."""
        admin = self.house.admin("test")
        await admin.accounts.create(self.named(name))
        for mode in Mode:
            await admin.credits.grant(self.named(name), mode, credits_from_number(credits))
        return await self.another_key(name)


@asynccontextmanager
async def served(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application on a listening socket."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def open_souk(
    folder: Path,
    *,
    engine: bool = False,
    models: dict[str, Any] | None = None,
    connections: Sequence[dict[str, Any]] = (),
    env: dict[str, str] | None = None,
    port: int = 0,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[Souk]:
    """Souk over a data folder, with these settings, changes to the catalogue and provider variables."""
    if harbour is not None and not settings.get("database_url", "").startswith("sqlite"):
        special = bool(port or models or connections or env or clock)
        if fleet := None if special else harbour.port_for(settings, engine=engine):
            async with fleet.visit(folder, **settings) as souk:
                yield souk
            return
        settings = harbour.place(folder) | settings
    given = {"data_dir": folder, "api_key": SecretStr(KEY), "sandbox_workers": 1, **settings}
    with socket.create_server(("127.0.0.1", port)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = Config(models=models or {}, connections=connections)
        house = await House.open(
            Settings(**given), config, engine=engine, public_url=url, clock=clock, env=env or {}
        )
        try:
            async with served(asgi(house), listening), aiohttp.ClientSession() as session:
                yield Souk(house, Client(session, url))
        finally:
            await house.close()
