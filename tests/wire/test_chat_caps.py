"""A connection's daily cap counts its chats: by the upstream's word, else by what the client paid."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from souk.store import connections
from souk.words import CREDIT
from tests.upstreams.maker import KEY
from tests.upstreams.openai import FakeOpenAI
from tests.wire.makers import CHAT, TONGUES, Tongue, without_credits
from tests.wire.serving import KEY as SOUKS_KEY
from tests.wire.serving import Souk, open_souk

CAP = 0.1
"""Less than one answer costs."""


@asynccontextmanager
async def capped(folder: Path, *, spare: bool = False) -> AsyncIterator[tuple[Souk, FakeOpenAI, FakeOpenAI]]:
    """A Souk whose first connection has a small cap, and the makers at the ends of its routes."""
    routes = [{"provider": "openai", "model": "gpt-5.2"}]
    routes += [{"provider": "openai-compatible", "model": "spare"}] if spare else []
    async with FakeOpenAI() as maker, FakeOpenAI(key="") as other:
        listed = [
            {"name": "first", "provider": "openai", "api_key": KEY, "base_url": maker.url, "daily_cap": CAP}
        ]
        env = {"SOUK_OPENAI_COMPATIBLE_BASE_URL": other.url}
        models = {"gpt-5-2": {"routes": routes}}
        async with open_souk(folder, connections=listed, models=models, env=env) as souk:
            yield souk, maker, other


async def spent(souk: Souk) -> dict[str, float]:
    """Credits of the day, by connection, with what this process has not yet written down."""
    await souk.house.meter.expenses.flush()
    rows = await souk.house.reads.run(connections.every)
    return {name: row.spent_on(souk.house.clock.now()) / CREDIT for name, row in rows.items()}


@pytest.mark.parametrize("stream", [False, True])
async def test_chat_counts_what_its_client_paid(stream: bool, tmp_path: Path) -> None:
    async with capped(tmp_path) as (souk, _, _):
        assert (await CHAT.ask(souk.client, stream=stream)).status == 200
        assert {name: round(cost, 2) for name, cost in (await spent(souk)).items()} == {"first": CHAT.credits}


async def test_connection_at_its_cap_is_gone_round(tmp_path: Path) -> None:
    async with capped(tmp_path, spare=True) as (souk, first, spare):
        assert [(await CHAT.ask(souk.client)).status for _ in range(3)] == [200, 200, 200]
        assert [len(first.seen), len(spare.seen)] == [1, 2]
        assert (await spent(souk))["openai-compatible"] > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_without_another_route_a_cap_is_told_and_costs_nothing(stream: bool, tmp_path: Path) -> None:
    async with capped(tmp_path) as (souk, maker, _):
        assert (await CHAT.ask(souk.client)).status == 200
        before = (await souk.client.get("/api/v1/chat/credit")).data
        reply = await CHAT.ask(souk.client, stream=stream)
        assert reply.status == 503
        assert CHAT.message(reply).endswith("daily caps are reached: 0.1 credits on first")
        assert reply.body["error"]["code"] == "daily_cap"
        assert 0 < int(reply.headers["retry-after"]) <= 86_400
        assert len(maker.seen) == 1
        assert (await souk.client.get("/api/v1/chat/credit")).data == before


async def test_refused_and_broken_chats_count_nothing(tmp_path: Path) -> None:
    async with capped(tmp_path) as (souk, _, _):
        await CHAT.ask(souk.client, "[up:status=500]")
        await CHAT.ask(souk.client, "[up:cut]", stream=True)
        assert await spent(souk) == {}


async def test_sandbox_chat_counts_nothing(tmp_path: Path) -> None:
    async with open_souk(tmp_path) as souk:
        assert (await CHAT.ask(souk.client)).status == 200
        assert await spent(souk) == {}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)
async def test_word_of_the_market_counts_before_our_price(
    tongue: Tongue, stream: bool, tmp_path: Path
) -> None:
    prices = {"input": 1_000_000, "output": 1_000_000}
    async with open_souk(tmp_path / "market", models=priced(tongue.model, prices)) as market:
        env = {"KIE_API_KEY": SOUKS_KEY, "SOUK_KIE_BASE_URL": market.client.url}
        free = priced(tongue.model, {"input": 0, "output": 0}, {"provider": "kie", "model": tongue.model})
        async with open_souk(tmp_path / "own", models=free, env=env) as souk:
            before = (await market.client.get("/api/v1/chat/credit")).data
            more = {"stream_options": {"include_usage": True}} if stream and tongue is CHAT else {}
            reply = await tongue.ask(souk.client, "Say hello", stream=stream, **more)
            assert reply.status == 200
            assert without_credits(reply.raw)[1] == [0]
            left = (await market.client.get("/api/v1/chat/credit")).data
            assert before - left > 1
            assert (await spent(souk)) == {"kie": pytest.approx(before - left, abs=0.01)}


def priced(model: str, price: dict[str, int], *routes: dict[str, str]) -> dict[str, Any]:
    """A change of a model's price, and of its routes where there are any."""
    protocols = ["chat", "responses", "messages", "gemini"]
    chat = {"protocols": protocols, "price": price, "context": 8192, "max_output": 1024}
    return json.loads(json.dumps({model: {"chat": chat} | ({"routes": list(routes)} if routes else {})}))
