"""What an upstream that tells its credits charged the operator: counted, and never passed on to the client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from souk.store import connections
from souk.words import CREDIT
from tests.upstreams.chat_market import COST, FakeMarket
from tests.upstreams.maker import KEY
from tests.upstreams.raw import answer, raw_server, says
from tests.wire.makers import CHAT, GEMINI, MESSAGES, RESPONSES, TONGUES, Tongue, without_credits
from tests.wire.serving import Souk, open_souk
from tests.wire.test_chat_caps import priced

each_tongue = pytest.mark.parametrize("tongue", TONGUES, ids=lambda tongue: tongue.name)
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}


@asynccontextmanager
async def at_the_market(
    folder: Path, tongue: Tongue, *, first: bool = False
) -> AsyncIterator[tuple[Souk, FakeMarket]]:
    async with FakeMarket(tongue.maker(), first=first) as market:
        env = {"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": market.url}
        async with open_souk(folder, env=env) as souk:
            yield souk, market
            assert market.complaints == []


async def counted(souk: Souk) -> dict[str, float]:
    """Credits that count against each connection's daily cap."""
    await souk.house.meter.expenses.flush()
    rows = await souk.house.reads.run(connections.every)
    return {name: row.spent_on(souk.house.clock.now()) / CREDIT for name, row in rows.items()}


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@each_tongue
async def test_whole_answer_tells_our_credits_only(tongue: Tongue, first: bool, tmp_path: Path) -> None:
    async with at_the_market(tmp_path, tongue, first=first) as (souk, market):
        reply = await tongue.ask(souk.client)
        raw, told = without_credits(reply.raw)
        assert raw == market.said_whole(market.seen[-1])
        assert told == [tongue.credits]
        assert await counted(souk) == {"kie": COST}


@pytest.mark.parametrize("words", ["hi", "hi [up:crumbs]"], ids=["whole events", "crumbs"])
@each_tongue
async def test_stream_tells_our_credits_only(tongue: Tongue, words: str, tmp_path: Path) -> None:
    async with at_the_market(tmp_path, tongue) as (souk, market):
        more = USAGE if tongue is CHAT else {}
        reply = await tongue.ask(souk.client, words, stream=True, **more)
        raw, told = without_credits(reply.raw)
        assert raw == market.said(market.seen[-1])
        assert told == [tongue.credits]
        assert await counted(souk) == {"kie": COST}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("tongue", "provider"),
    [
        (CHAT, "openai-compatible"),
        (CHAT, "openai"),
        (RESPONSES, "openai"),
        (MESSAGES, "anthropic"),
        (GEMINI, "google"),
    ],
    ids=lambda given: given if isinstance(given, str) else given.name,
)
async def test_another_souk_in_a_makers_place_tells_our_credits_only_and_is_not_believed(
    tongue: Tongue, provider: str, stream: bool, tmp_path: Path
) -> None:
    theirs, ours = {"input": 900_000, "output": 900_000}, {"input": 100_000, "output": 100_000}
    async with open_souk(tmp_path / "market", models=priced(tongue.model, theirs)) as market:
        there = {
            "name": "there",
            "provider": provider,
            "base_url": market.client.url,
            "api_key": market.client.key,
        }
        route = {"provider": provider, "model": tongue.model}
        models = priced(tongue.model, ours, route)
        async with open_souk(tmp_path / "own", models=models, connections=[there]) as souk:
            reply = await tongue.ask(
                souk.client, stream=stream, **(USAGE if tongue is CHAT and stream else {})
            )
            (told,) = without_credits(reply.raw)[1]
            assert 0 < told < 10
            assert reply.raw.count(b'"credits_consumed"') == 1
            assert await counted(souk) == {"there": pytest.approx(told, abs=0.01)}


async def test_chat_stream_tells_no_credits_to_those_who_do_not_ask(tmp_path: Path) -> None:
    async with at_the_market(tmp_path, CHAT) as (souk, _):
        reply = await CHAT.ask(souk.client, stream=True)
        assert b'"credits_consumed"' not in reply.raw
        assert reply.raw.endswith(b"data: [DONE]\n\n")
        assert await counted(souk) == {"kie": COST}


@each_tongue
async def test_whole_answer_without_a_usage_tells_what_it_was_estimated_at(
    tongue: Tongue, tmp_path: Path
) -> None:
    async with at_the_market(tmp_path, tongue) as (souk, market):
        before = (await souk.client.get("/api/v1/chat/credit")).data
        reply = await tongue.ask(souk.client, "[up:nousage]")
        raw, (told,) = without_credits(reply.raw)
        assert raw == market.said_whole(market.seen[-1])
        after = (await souk.client.get("/api/v1/chat/credit")).data
        assert before - after == pytest.approx(told, abs=0.011)


@pytest.mark.parametrize(
    ("words", "stream"), [("[up:status=400]", False), ("[up:status=500]", True), ("[up:fail]", True)]
)
@each_tongue
async def test_failure_tells_no_credits(tongue: Tongue, words: str, stream: bool, tmp_path: Path) -> None:
    async with at_the_market(tmp_path, tongue) as (souk, _):
        reply = await tongue.ask(souk.client, words, stream=stream)
        assert b"error" in reply.raw
        assert b'"credits_consumed"' not in reply.raw
        assert await counted(souk) == {}


@pytest.mark.parametrize("said", [b"<p>{}</p>", b'[{"id": 1}]', b""])
async def test_answer_that_is_no_object_is_passed_on_as_it_is(said: bytes, tmp_path: Path) -> None:
    async with raw_server(says(answer(said))) as server:
        env = {"KIE_API_KEY": KEY, "SOUK_KIE_BASE_URL": server.url("")}
        async with open_souk(tmp_path, env=env) as souk:
            assert (await CHAT.ask(souk.client)).raw == said
