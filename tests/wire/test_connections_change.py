"""A server whose connections come and go while clients use it: tasks and chats follow, and none is made twice."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

from tests.engine.edited import connection, listed, write
from tests.engine.running import MODEL
from tests.upstreams.kie import FakeKie
from tests.upstreams.maker import KEY
from tests.upstreams.openai import FakeOpenAI
from tests.wire.makers import CHAT
from tests.wire.serving import CREATE, Client
from tests.wire.souk_process import made_key, serving

PATIENCE = 60.0
TRAM = {"model": MODEL, "input": {"prompt": "a tram", "aspect_ratio": "1:1"}}


async def test_connections_come_and_go_while_a_server_runs(tmp_path: Path) -> None:
    with FakeKie() as kie, serving(tmp_path, SOUK_INITIAL_CREDITS="10000") as souk:
        async with FakeOpenAI() as maker, aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
            client = Client(session, souk.url, made_key(souk))
            chatting = {"name": "chat", "provider": "openai", "api_key": KEY, "base_url": maker.url}
            write(tmp_path, without_another_route(connection("one", kie), chatting))
            while not maker.seen:
                assert (await CHAT.ask(client)).status == 200, "the sandbox answers until then"
                await asyncio.sleep(0.05)
            done = await client.create(TRAM)
            assert (await client.record(done, wait=30))["state"] == "success"

            kie.run_seconds = 3600
            running = await client.create(TRAM)
            while len(kie.submits) < 2:  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.02)
            write(tmp_path, without_another_route())
            while (await CHAT.ask(client)).status == 200:  # noqa: ASYNC110 - a file is waited for
                await asyncio.sleep(0.05)
            assert "no configured connection" in CHAT.message(await CHAT.ask(client))
            assert "no configured connection" in (await client.post(CREATE, TRAM)).body["msg"]
            kie.run_seconds = 0
            assert (await client.record(running, wait=30))["state"] == "success"
            assert len(kie.submits) == 2
            assert kie.complaints == maker.complaints == []


def without_another_route(*connections: dict[str, Any]) -> dict[str, Any]:
    return listed(*connections, routes=[{"provider": "kie"}])
